"""Real things for chapters: what full tiers make of real data, kept in `pictures.json` as pictures, a sound, words.

    python -m benchmarks.pictures            # what is not kept yet
    python -m benchmarks.pictures misread    # one of them, anew

A page has no data and no large net when it is built; it shows what is kept (`course_utils.measured.picture`).
"""

import argparse
import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from course_utils.data import house_numbers, mnist, pictures, spoken_digits
from course_utils.data.vision import torchvision
from course_utils.training import pretrained, reference_tensors
from solutions.convolution.reference import ConvNet
from solutions.transfer import reference as transfer
from solutions.translation import reference as translation
from solutions.waveforms import reference as waveforms

KEPT = Path(__file__).with_name("pictures.json")
SIDE, KEPT_SIDE = 176, 128  # of a photograph, in pixels: as nets see it, and as it is kept
MOST_SHOWN = 24

LICENCE = "from photographs by danielbuechele and vultilion (CC BY 2.0), with SqueezeNet's weights (BSD)"
WANTED = ("flamingo", "ladybug", "daisy", "zebra", "pizza", "broccoli")

Made = tuple[Tensor, dict[str, Any]]


def misread() -> Made:
    """MNIST's test digits that the net of the full record misreads, the surest mistakes first, side by side."""
    net = ConvNet(28).eval()
    net.load_state_dict(reference_tensors("convolution", "full"))
    x, y = mnist.load("full", "test").tensors
    with torch.no_grad():
        p = torch.cat([net(part).softmax(1) for part in x.split(500)])
    answers = p.argmax(1)
    wrong = (answers != y).nonzero()[:, 0]
    wrong = wrong[p[wrong].amax(1).argsort(descending=True)]
    shown = wrong[:MOST_SHOWN]
    facts = {
        "wrong": len(wrong),
        "of": len(y),
        "truth": y[shown].tolist(),
        "answer": answers[shown].tolist(),
        "p": [round(value, 3) for value in p[shown].amax(1).tolist()],
        "licence": "MNIST: CC BY-SA 3.0, Yann LeCun and Corinna Cortes",
    }
    return _beside(x[shown]), facts


def dreamt() -> Made:
    """A photograph, and dreams of it by four layers of SqueezeNet."""
    body = _body()
    flower, made, excited = pictures.load("flower", SIDE), [], []
    for layer in range(4):
        torch.manual_seed(0)

        def excite(x: Tensor, layer: int = layer) -> Tensor:
            return body.stages(x)[layer].square().mean()

        made.append(transfer.dream(flower, excite, transfer.octaves(SIDE, 3, 1.4), 16, 0.02, 8))
        with torch.no_grad():
            excited.append([round(excite(x).item(), 1) for x in (flower, made[-1])])
    return _beside(torch.cat([flower, *made])), {"excited": excited, "licence": LICENCE}


def painted() -> Made:
    """The flower in the temple's style, by SqueezeNet's maps, with and without a content loss."""
    body = _body()
    content, style = (pictures.load(name, SIDE) for name in ("flower", "china"))
    wanted = [transfer.gram(maps) for maps in body.stages(style)[:3]]
    kept = body.stages(content)[2]
    scale = [gram.square().mean() for gram in wanted]
    shown, facts = [content, style], {"alpha": [], "style": [], "moved": []}

    def lost(x: Tensor) -> tuple[Tensor, Tensor]:
        stages = body.stages(x)
        styled = sum(
            (transfer.gram(maps) - gram).square().mean() / size
            for maps, gram, size in zip(stages, wanted, scale)
        )
        return styled / 3, (stages[2] - kept).square().mean() / kept.square().mean()

    before = lost(content)[0].item()
    for alpha in (0.2, 0.0):
        painting = content.clone().requires_grad_()
        adam = torch.optim.Adam([painting], 0.02)
        for _ in range(200):
            styled, moved = lost(painting)
            adam.zero_grad()
            (styled + alpha * moved).backward()
            adam.step()
            painting.data.clamp_(0, 1)
        facts["alpha"].append(alpha)
        facts["style"].append(round(styled.item(), 3))
        facts["moved"].append(round(moved.item(), 3))
        shown.append(painting.detach())
    return _beside(torch.cat(shown)), facts | {"before": round(before, 3), "licence": LICENCE}


def located() -> Made:
    """Two photographs, and where SqueezeNet sees its likeliest class in each."""
    body, (weight, bias) = _body(), pretrained.head("full")
    shown, names, shares = [], [], []
    for name in pictures.NAMES:
        x = pictures.load(name, SIDE)
        with torch.no_grad():
            maps = body(x)
            scores = F.relu(torch.einsum("bchw,kc->bkhw", maps, weight) + bias[:, None, None])
        p = scores.mean((2, 3)).softmax(1)[0]
        best = int(p.argmax())
        seen = transfer.class_map(maps, weight, best)[:, None]
        seen = (seen - seen.min()) / (seen.max() - seen.min())
        shown += [x, F.interpolate(seen, size=(SIDE, SIDE), mode="bilinear").expand(-1, 3, -1, -1)]
        names.append(_classes()[best])
        shares.append(round(p[best].item(), 3))
    return _beside(torch.cat(shown)), {"names": names, "p": shares, "licence": LICENCE}


def wanted() -> Made:
    """Pictures that grow from noise towards six classes of ImageNet, by SqueezeNet."""
    body, (weight, bias) = _body(), pretrained.head("full")
    classes = [_classes().index(name) for name in WANTED]
    made, shares = [], []
    for k in classes:
        torch.manual_seed(0)

        def score(x: Tensor, k: int = k) -> Tensor:
            found = F.relu(torch.einsum("bchw,kc->bkhw", body(x), weight) + bias[:, None, None])
            return found.mean((2, 3)).log_softmax(1)[:, k].mean()

        begin = (0.5 + 0.05 * torch.randn(1, 3, SIDE, SIDE)).clamp(0, 1)
        made.append(transfer.dream(begin, score, transfer.octaves(SIDE, 3, 1.5), 60, 0.015, 8))
        with torch.no_grad():
            shares.append(round(score(made[-1]).exp().item(), 3))
    return _beside(torch.cat(made)), {"names": list(WANTED), "p": shares, "licence": LICENCE}


def translated() -> Made:
    """House numbers of the test part, and below each the plain digit that the full record's nets make of it."""
    nets = translation.build("full").eval()
    nets.load_state_dict(reference_tensors("translation", "full"))
    x, label = (part[:16] for part in house_numbers.load("full", "test").tensors)
    with torch.no_grad():
        drawn = nets["draws"](nets["reads"](x))
    both = torch.cat([x, drawn.clamp(0, 1).expand(-1, 3, -1, -1)], dim=2)  # one above the other
    facts = {"label": label.tolist(), "judged": translation.judged(drawn, "full").tolist()}
    return _beside(both, both.shape[2:]), facts | {"licence": "painted over MNIST's digits: CC BY-SA 3.0"}


def spoken() -> Made:
    """A spoken digit, its µ-law levels as a row of grey pixels; of each voice of the test part how quiet it is.

    Facts, one for each voice: share of samples below a tenth of the recording's loudest; the sound's power over that of
    what is added where sixteen levels are left, even ones and those of the µ-law, in decibels.
    """
    waves, digit, speaker, length = spoken_digits.load("full", "test").tensors
    facts: dict[str, Any] = {"quiet": [], "even": [], "bent": []}
    for voice in range(len(spoken_digits.SPEAKERS["full"])):
        rows = (speaker == voice).nonzero()[:, 0]
        said = torch.cat([waves[n, : length[n]] / waves[n].abs().max() for n in rows])
        cut = {
            "even": ((said + 1) / 2 * 15).round() / 15 * 2 - 1,
            "bent": waveforms.decode(waveforms.encode(said, 16), 16),
        }
        facts["quiet"].append(round((said.abs() < 0.1).float().mean().item(), 3))
        for name, rough in cut.items():
            power = said.square().mean() / (rough - said).square().mean()
            facts[name].append(round(10 * power.log10().item(), 1))
    clear = speaker == spoken_digits.SPEAKERS["full"].index("jackson")
    chosen = int((clear & (digit == 7)).nonzero()[0])
    wave = waves[chosen, : length[chosen]]
    codes = waveforms.encode(wave / wave.abs().max(), 256)
    licence = "Free Spoken Digit Dataset, CC BY-SA 4.0"
    return codes[None, None] / 255, facts | {"digit": 7, "licence": licence}


THINGS: dict[str, Callable[[], Made]] = {
    "misread": misread,
    "dreamt": dreamt,
    "painted": painted,
    "located": located,
    "wanted": wanted,
    "translated": translated,
    "spoken": spoken,
}


def _classes() -> list[str]:
    """Names of ImageNet's thousand classes."""
    torchvision()
    from torchvision.models import _meta

    return _meta._IMAGENET_CATEGORIES


def _body() -> pretrained.Body:
    body = pretrained.load("full")
    body.requires_grad_(False)
    return body


def _beside(x: Tensor, size: tuple[int, int] = (KEPT_SIDE, KEPT_SIDE)) -> Tensor:
    """Pictures (B, C, H, W) as one, side by side: (C, H, B · W); photographs smaller, as they are kept."""
    if x.shape[1] == 3:
        x = F.interpolate(x, size=size, mode="bilinear", antialias=True)
    return x.transpose(0, 1).permute(0, 2, 1, 3).flatten(2)


def packed(x: Tensor) -> str:
    """A picture (C, H, W) in [0, 1] in base64: photographs as WebP, grey ones exactly, as PNG."""
    pixels = (x * 255).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    file = io.BytesIO()
    if len(x) == 1:
        Image.fromarray(np.ascontiguousarray(pixels[..., 0])).save(file, "PNG", optimize=True)
    else:
        Image.fromarray(np.ascontiguousarray(pixels)).save(file, "WEBP", quality=70, method=6)
    return base64.b64encode(file.getvalue()).decode()


def main() -> None:
    """Make what is asked for and keep it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("names", nargs="*", help="pictures to make anew")
    names = parser.parse_args().names
    if unknown := set(names) - set(THINGS):
        parser.error(f"no picture is called {', '.join(sorted(unknown))}; there are {', '.join(THINGS)}")
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.is_file() else {}
    for name in names or [name for name in THINGS if name not in kept]:
        picture, facts = THINGS[name]()
        kept[name] = facts | {"picture": packed(picture)}
        print(f"{name}: {facts}, {len(kept[name]['picture']) // 1000} kB", flush=True)
        KEPT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
