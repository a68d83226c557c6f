"""The full tiers' data sets, small and without a file: a few examples of the right shape for each."""

import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from course_utils.data import (
    aeroplanes,
    babi,
    binary_sums,
    cifar10,
    cora,
    fashion_mnist,
    list_functions,
    lynx_hare,
    mnist,
    mnist_m,
    omniglot,
    physionet,
    shakespeare,
    spoken_digits,
    squeezenet,
    sygus_strings,
    translation,
    warps,
)

SIZES = {"train": 256, "val": 64, "test": 64}
SOUND = 400  # samples
# The same nets, narrower: what a tensor's device is does not depend on it. Each text stands once in its notebook.
NARROWER = {
    "alignment": {"Config(64, 1200, 0.03": "Config(64, 12, 0.03"},
    "metalearning": {
        "channels=64, ways=30, queries=2, steps=6000": "channels=8, ways=5, queries=2, steps=12",
        "sine_steps=8000": "sine_steps=12",
    },
    "attention": {"d=128, hidden=256": "d=8, hidden=16", "batch=128, steps=2000": "batch=16, steps=40"},
    "training": {"for t in range(1, steps + 1)": "for t in range(1, 13)"},
    "autoregressive": {"c=64, k=5, layers=8": "c=8, k=5, layers=2"},
    "waveforms": {
        '"c": 64, "skips": 128, "dilations": [2**i for i in range(10)] * 2': '"c": 8, "skips": 8, "dilations": [1, 2]',
        'if tier == "mini" else 4000': "",
        "(4000, 16, 1e-3)": "(12, 4, 1e-3)",
    },
    "odes": {"(256,), device": "(4,), device"},
    "graphs": {"hidden=64, rounds=2, steps=200": "hidden=8, rounds=2, steps=12"},
    "programs": {
        "24, 20, 800, 64, 1.0, 1000, 1500, 60, execute_steps=34_000": (
            "8, 3, 12, 4, 1.0, 4, 12, 12, execute_steps=12"
        ),
        "Executor(64, 192, 1)": "Executor(8, 16, 1)",
        "count: int = 3000": "count: int = 30",
    },
    "synthesis": {
        "20, 256, (1, 2, 3, 4, 4), 60000, 8000, 32, 64, 8, 20000, 2000, 256, 2000, 10000, 20": (
            "8, 8, (1, 2), 300, 12, 4, 4, 8, 100, 12, 8, 12, 30, 2"
        )
    },
    "translation": {
        "Config(32, 128, 1000, 2000, 128": "Config(4, 8, 12, 12, 16",
        "    steps: int = 300,\n": "    steps: int = 12,\n",
        "run: Run, steps: int = 300": "run: Run, steps: int = 12",
        'steps=300 if tier == "mini" else 600': "steps=12",
        "ALONE, RATE = 60": "ALONE, RATE = 6",
        "together: int = 150": "together: int = 6",
    },
    "transformers": {
        "(256, 8, 4)": "(16, 4, 1)",
        "(192, 6, 5)": "(24, 6, 1)",
        "128, 1e-3": "8, 1e-3",
        "64, 2e-3": "8, 2e-3",
    },
}
AS_MINI = (babi, binary_sums, list_functions, lynx_hare, physionet, sygus_strings, translation, warps)
PICTURES = {cifar10: (3, 32, 32), fashion_mnist: (1, 28, 28), mnist: (1, 28, 28)}


def stand_in() -> None:
    """From now on, in this process, the full tiers are small."""
    for module, shape in PICTURES.items():
        module.load = _mini_or(module.load, lambda split, shape=shape: _pictures(split, shape))
    spoken_digits.LENGTH["full"] = SOUND
    spoken_digits.load = _mini_or(spoken_digits.load, _sounds)
    for module in AS_MINI:
        module.load = _mini_or(module.load, lambda split, mini=module.load: mini("mini", split))
    sonnets = 4 * shakespeare.whole("mini")
    shakespeare.whole = lambda tier: sonnets
    cora.load = _mini_or(cora.load, _papers)
    omniglot.load = _mini_or(omniglot.load, _drawings)
    omniglot.one_shot_runs = _one_shot
    warps.wall = lambda side: (*torch.rand(2, 1, 3, side // 4, side // 4), torch.eye(3)[None])
    mnist_m.load = _of_domains(mnist_m.load)
    aeroplanes.SIZES["full"] = {"train": 24, "val": 8, "test": 8}
    squeezenet.load = lambda tier="full", split="train": _weights()


def narrower(key: str, text: str) -> str:
    """A cell's text with `NARROWER` nets."""
    for wide, narrow in NARROWER.get(key, {}).items():
        text = text.replace(wide, narrow)
    return text


def _mini_or(load, full):
    return lambda tier, split: load(tier, split) if tier == "mini" else full(split)


def _of_domains(load):
    return lambda tier, split, domain="source": (
        load(tier, split, domain) if tier == "mini" else _pictures(split, (3, 32, 32))
    )


def _drawings(split: str) -> TensorDataset:
    characters = SIZES[split] // 2
    return TensorDataset(torch.rand(characters, 20, 1, 28, 28), torch.arange(characters) // 8)


def _one_shot() -> tuple[Tensor, Tensor, Tensor]:
    return torch.rand(20, 20, 1, 28, 28), torch.rand(20, 20, 1, 28, 28), torch.arange(20).repeat(20, 1)


def _pictures(split: str, shape: tuple[int, ...]) -> TensorDataset:
    labels = torch.arange(SIZES[split]) % 10
    return TensorDataset(torch.rand(len(labels), *shape), labels)


def _sounds(split: str) -> TensorDataset:
    digit = torch.arange(SIZES[split] // 8) % 10
    speaker = torch.arange(len(digit)) // 10 % len(spoken_digits.SPEAKERS["full"])
    waves = 2 * torch.rand(len(digit), spoken_digits.LENGTH["full"]) - 1
    return TensorDataset(waves, digit, speaker, torch.full((len(digit),), spoken_digits.LENGTH["full"] // 2))


def _papers(split: str) -> cora.Network:
    y = torch.arange(70) % 7
    senders, receivers = torch.arange(70), torch.arange(70).roll(1)
    both = torch.cat([senders, receivers]), torch.cat([receivers, senders])
    return cora.Network((torch.rand(70, 1433) < 0.02).float(), *both, y, torch.arange(35))


def _weights() -> dict[str, Tensor]:
    found = {}
    for name, shape in squeezenet.layers().items():
        found[f"{name}.weight"] = torch.randn(shape) / shape[1] ** 0.5 / shape[2]
        found[f"{name}.bias"] = torch.zeros(shape[0])
    return found
