"""`Run`: what a reference's `train(tier, seed, run)` is given to loop, log, save and stop."""

import hashlib
import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import TensorDataset
from torch.utils.flop_counter import FlopCounterMode

from course_utils.training import checkpoint, devices

READ_EVERY = 50  # steps between two looks at the logged values; each look waits for the device
SAVE_EVERY = 20.0  # seconds between two checkpoints

Report = Callable[[int, int, dict[str, float]], None]


class Together:
    """Stands where `FlopCounterMode` keeps account of modules: here all operations count together.

    PyTorch's own account hooks the inputs of modules, and raises where `autograd.grad` is asked for the gradient in
    one of them, as flows and adjoints do.
    """

    parents = ("Global",)

    def __enter__(self) -> "Together":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was hooked."""


class Stopped(Exception):
    """A training that was asked to end, and has saved where it stands."""


class TrainingError(RuntimeError):
    """A training that cannot go on; the message says what to try."""


class Run:
    """One training: a topic, a tier and a seed on a device.

    `report(step, total, values)` is called with the newest values; `folder` keeps checkpoints, or None for none.
    """

    until = math.inf  # of this process's trainings, on the clock of `time.monotonic`; then they save and stop
    looping = False  # whether one of them is in its loop, where it notices that

    def __init__(
        self,
        name: str = "training",
        seed: int = 0,
        device: str | torch.device | None = None,
        folder: Path | None = None,
        report: Report | None = None,
        code: str = "",
        compiled: bool = False,
    ):
        self.name, self.seed, self.folder, self.code = name, seed, folder, code
        self.device = devices.device(str(device) if device else None)
        self.curve: dict[str, list[tuple[int, float]]] = {}
        self.flops = 0  # of all steps, counted on the first step of each phase
        self.seconds = 0.0  # spent in training loops, over interruptions
        self._report = report or (lambda step, total, values: None)
        self._compiled = compiled
        self._pending: list[tuple[int, str, Tensor | float]] = []
        self._done = 0  # steps of the phases before this one
        self.step = 0
        devices.prepare(self.device)
        devices.seed_everything(seed)

    def to(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The tensors on the run's device."""
        return tuple(tensor.to(self.device) for tensor in tensors)

    def autocast(self) -> AbstractContextManager[Any]:
        """bf16 where the device multiplies it in hardware, nothing elsewhere."""
        if devices.bf16_pays(self.device):
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return nullcontext()

    def compile(self, function: Any) -> Any:
        """`torch.compile(function)` if the run was asked to, else the function as it is."""
        return torch.compile(function) if self._compiled else function

    def batches(
        self, data: TensorDataset, size: int, steps: int, saved: dict[str, Any], phase: str = "train"
    ) -> Iterator[tuple[Tensor, ...]]:
        """`steps` batches of `size` examples, on the device, in a new order every epoch; see `steps`."""
        tensors = self.to(*data.tensors)
        count = len(tensors[0])
        if size > count:
            raise ValueError(f"batches: expected a size of at most {count} examples, got {size}.")
        per_epoch = count // size
        order = None
        for step in self.steps(steps, saved, phase):
            epoch, place = divmod(step, per_epoch)
            if order is None or place == 0:
                # The order depends on seed and epoch alone: a resumed run sees what it would have seen.
                order = torch.randperm(count, generator=self.generator(f"{phase} {epoch}")).to(self.device)
            rows = order[place * size : (place + 1) * size]
            yield tuple(tensor[rows] for tensor in tensors)

    def generator(self, purpose: str) -> torch.Generator:
        """A generator on the CPU whose numbers depend on the run's seed and on `purpose` only."""
        digest = hashlib.sha256(f"{self.seed} {purpose}".encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))

    def steps(self, total: int, saved: dict[str, Any], phase: str = "train") -> Iterator[int]:
        """Count from 0, or from the last checkpoint, to `total` - 1.

        `saved` names everything that the loop changes (nets, optimisers, schedules: anything with `state_dict`); it is
        written between steps and put back on resuming. A training in several loops gives each a `phase`.

        Raises:
            Stopped: the time is up (`until`), and everything is saved.
        """
        first = self._resume(saved, phase)
        Run.looping = True
        begun = last_save = time.monotonic()
        for step in range(first, total):
            self.step = self._done + step
            if step == 0 and not self._compiled:
                yield from self._counted(step, total)
            else:
                yield step
            if (step + 1) % READ_EVERY == 0 or step + 1 == total:
                self._read(self._done + total)
            now = time.monotonic()
            stop = now > Run.until
            if self.folder and (stop or now - last_save > SAVE_EVERY or step + 1 == total):
                self._read(self._done + total)
                self.seconds, begun, last_save = self.seconds + now - begun, now, now
                self._save(saved, phase, step + 1)
                if stop and step + 1 < total:
                    raise Stopped(self.name)
        Run.looping = False
        self.seconds += time.monotonic() - begun
        self._done += total

    def _counted(self, step: int, total: int) -> Iterator[int]:
        counter = FlopCounterMode(display=False)
        counter.mod_tracker = Together()  # type: ignore[assignment]
        with counter:
            yield step
        self.flops += counter.get_total_flops() * total

    def log(self, **values: Tensor | float) -> None:
        """Note values of this step, without waiting for the device. All must stay finite."""
        for name, value in values.items():
            kept = value.detach() if isinstance(value, Tensor) else float(value)
            self._pending.append((self.step, name, kept))

    def every(self, steps: int) -> bool:
        """Whether this is one of each `steps` steps: for measures that cost something."""
        return (self.step + 1) % steps == 0

    def finish(self) -> None:
        """Bring over what was noted after the last loop, such as measures of nets that were trained beside."""
        self._read(self._done)

    def _read(self, total: int) -> None:
        """Bring the noted values over, all at once; stop at the first that is not finite."""
        pending, self._pending = self._pending, []
        tensors = [value.float().reshape(()) for _, _, value in pending if isinstance(value, Tensor)]
        numbers = iter(torch.stack(tensors).tolist() if tensors else [])
        for step, name, value in pending:
            number = next(numbers) if isinstance(value, Tensor) else value
            if not math.isfinite(number):
                raise TrainingError(
                    f"{self.name}: {name} became {number} at step {step} of {total}; try a smaller learning rate, clip "
                    "the gradient (torch.nn.utils.clip_grad_norm_), or look for log(0), 0/0 and sqrt(0) in the loss."
                )
            self.curve.setdefault(name, []).append((step, number))
        self._report(self.step + 1, total, {name: points[-1][1] for name, points in self.curve.items()})

    def _path(self, phase: str) -> Path | None:
        return self.folder / f"{phase}.safetensors" if self.folder else None

    def _save(self, saved: dict[str, Any], phase: str, step: int) -> None:
        path = self._path(phase)
        assert path is not None
        state = {"code": self.code, "step": step, "flops": self.flops, "seconds": self.seconds}
        checkpoint.save(path, state | {"curve": self.curve} | checkpoint.states(saved))

    def _resume(self, saved: dict[str, Any], phase: str) -> int:
        """Put a checkpoint's state back and return its step; 0 where there is none, or one of other code."""
        path = self._path(phase)
        state = checkpoint.load(path) if path else None
        if state is None or state["code"] != self.code:
            return 0
        checkpoint.restore(saved, state)
        self.curve = {name: [(int(s), v) for s, v in points] for name, points in state["curve"].items()}
        self.flops, self.seconds = state["flops"], state["seconds"]
        return int(state["step"])
