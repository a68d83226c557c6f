"""Beside the record: who recognises generated sounds, a student that learns from a teacher, what a second costs."""

from collections.abc import Callable
from functools import partial
from time import perf_counter

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils.data import spoken_digits
from course_utils.training import Run
from solutions.waveforms.reference import (
    CONFIG,
    WaveNet,
    distillation_loss,
    empty_queues,
    fit,
    flow,
    generate_fast,
    logistic_log_density,
    net_step,
    noise,
    said,
    wavenet,
)


class Reader(nn.Module):
    """Which digit is said? A convolutional net on waves (B, T): scores (B, 10)."""

    def __init__(self, c: int = 32):
        super().__init__()
        sizes = [(1, c, 16, 4), (c, c, 8, 4), (c, 2 * c, 8, 4), (2 * c, 2 * c, 4, 2)]
        stages = [
            (nn.Conv1d(a, b, k, s, k // 2), nn.BatchNorm1d(b), nn.ReLU(), nn.Dropout(0.2))
            for a, b, k, s in sizes
        ]
        self.stages = nn.Sequential(*(layer for stage in stages for layer in stage))
        self.scores = nn.Linear(2 * c, 10)

    def forward(self, waves: Tensor) -> Tensor:
        """Normalise the loudness, convolve, average over time, score."""
        loud = waves.square().mean(1, keepdim=True).sqrt() + 1e-4
        return self.scores(self.stages((waves / loud)[:, None]).mean(2))


def teacher_log_prob(net: Callable[..., Tensor], waves: Tensor, h: Tensor) -> Tensor:
    """log p of each sample under a net that gives a logistic's mean and log scale: (B, 1, T) to (B, 1, T)."""
    mean, log_scale = net(waves, h).float().chunk(2, dim=1)
    return logistic_log_density(waves, mean, log_scale.clamp(min=-7))


def distil(teacher: WaveNet, data: TensorDataset, run: Run, tier: str) -> nn.ModuleList:
    """A student of two flows that learns from the teacher's judgement alone; no recording is heard."""
    how = CONFIG[tier]
    student = nn.ModuleList(wavenet(tier, 2, how.student) for _ in range(2)).to(run.device)
    for net in student:  # begins as the identity on quiet noise
        nn.init.zeros_(net.head[-1].weight)
        nn.init.constant_(net.head[-1].bias, 0.0)
    student[-1].head[-1].bias.data[1] = -3.0
    teacher.requires_grad_(False)
    optimizer = torch.optim.Adam(student.parameters(), how.rate / 2)
    saved = {"student": student, "optimizer": optimizer}
    for waves, sound, speaker, _ in run.batches(data, how.batch, how.student_steps, saved, "student"):
        h = said(sound, speaker, tier)
        z = noise(torch.rand_like(waves))[:, None]
        nets = [partial(net, h=h) for net in student]
        with run.autocast():
            loss = distillation_loss(nets, partial(teacher_log_prob, teacher, h=h), z)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        run.log(student=loss)
    return student.eval()


def real_time_factor(make: Callable[[], Tensor], rate: int) -> float:
    """Seconds of computing for each second of sound, of a function that gives waves (B, T), on any device."""
    begun = perf_counter()
    waves = make().cpu()  # waits for the device
    return (perf_counter() - begun) / (waves.shape[-1] / rate)


@torch.no_grad()
def recognised(reader: Reader, net: WaveNet, tier: str, run: Run, each: int) -> float:
    """Share of generated sounds, `each` of every digit, that a reader trained on recordings hears as what was asked."""
    voices = len(spoken_digits.SPEAKERS[tier])
    sound = torch.arange(10 * each) % 10
    h = said(sound, torch.arange(10 * each) % voices, tier).to(run.device)
    u = torch.rand(len(h), spoken_digits.LENGTH[tier], generator=run.generator("sounds")).to(run.device)
    waves = generate_fast(
        lambda x, queues: net_step(net, x, queues, h), empty_queues(net, len(h)), u, CONFIG[tier].levels
    )
    return (reader(waves).argmax(1).cpu() == sound).float().mean().item()


def experiments(tensors: dict[str, Tensor], tier: str, run: Run, each: int = 12) -> dict[str, float]:
    """Recognised sounds, real and generated; the student's badness; what a second of sound costs, by either way."""
    data, test = spoken_digits.load(tier, "train"), spoken_digits.load(tier, "test")
    net = wavenet(tier)
    net.load_state_dict(tensors)
    net.to(run.device).eval()

    def reading(reader: nn.Module, waves: Tensor, h: Tensor, length: Tensor) -> Tensor:
        return F.cross_entropy(reader(waves), h[:, :10].argmax(1))

    def rating(teacher: nn.Module, waves: Tensor, h: Tensor, length: Tensor) -> Tensor:
        nats = -teacher_log_prob(teacher, waves[:, None], h)[:, 0]
        counted = torch.arange(waves.shape[1], device=waves.device) < length[:, None]
        return torch.where(counted, nats, 0.0).sum() / counted.sum()

    reader = fit(Reader(), reading, data, run, tier, "reader")
    teacher = fit(wavenet(tier, 2), rating, data, run, tier, "teacher")
    student = distil(teacher, data, run, tier)
    with torch.no_grad():
        waves, sound, speaker, _ = run.to(*test.tensors)
        right = (reader(waves).argmax(1) == sound).float().mean().item()
        h, samples, rate = said(sound, speaker, tier)[:1], waves.shape[1], spoken_digits.RATE[tier]
        u = torch.rand(1, samples, device=run.device)
        queues, levels = empty_queues(net, 1), CONFIG[tier].levels
        slow = real_time_factor(
            lambda: generate_fast(lambda x, q: net_step(net, x, q, h), queues, u, levels), rate
        )
        nets = [partial(net, h=h) for net in student]
        flow(nets, noise(u)[:, None])  # the first call also loads the kernels
        quick = real_time_factor(lambda: flow(nets, noise(u)[:, None])[0], rate)
    made = recognised(reader, net, tier, run, each)
    return {"recognised": made, "recordings_recognised": right, "teacher_rtf": slow, "student_rtf": quick}
