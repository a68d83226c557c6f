"""Sounds that play in the page: a notebook's or the book's, without a network."""

import base64
import html
import io
import wave
from dataclasses import dataclass

import numpy as np
import torch.nn.functional as F
from torch import Tensor

RATE = 8_000  # samples a second in the page; some browsers refuse much lower rates
PAUSE = 0.15  # seconds between two sounds
LEVELS = (
    2**11
)  # on either side of silence: twelve bits, of which nobody hears the last; sixteen do not pack as well


@dataclass(frozen=True)
class Sound:
    """A player with its label, as notebooks and pages show it."""

    file: bytes
    label: str

    def _repr_html_(self) -> str:
        data, label = base64.b64encode(self.file).decode(), html.escape(self.label)
        player = f'<audio controls aria-label="{label}" src="data:audio/wav;base64,{data}"></audio>'
        return f"<figure>{player}<figcaption>{label}</figcaption></figure>"

    def __repr__(self) -> str:
        """What stands where sounds cannot: in a terminal, on a feedback page."""
        return f"[sound: {self.label}]"


def play(waves: Tensor, rate: int, label: str) -> Sound:
    """Sounds as one, each after a pause.

    Args:
        waves: (T,) or (B, T), played one after another; samples beyond ±1 are cut off.
        rate: Samples a second.
        label: What is to be heard, for those who read it.

    Raises:
        ValueError: no such shape, or there is no label.
    """
    if waves.ndim not in (1, 2) or not waves.numel():
        raise ValueError(f"play: expected waves (T,) or (B, T), got shape {tuple(waves.shape)}.")
    if not label.strip():
        raise ValueError("play: expected a label that says what is to be heard, got none.")
    rows = waves.detach().cpu().float().nan_to_num(0.0, 1.0, -1.0).reshape(-1, waves.shape[-1])
    size = max(1, round(rows.shape[1] * RATE / rate))
    rows = F.interpolate(rows[:, None], size, mode="linear", align_corners=False)[:, 0]
    line = F.pad(rows, (0, round(PAUSE * RATE))).flatten().clamp(-1, 1)
    loudness = (line * LEVELS).round().clamp(max=LEVELS - 1) * (2**15 // LEVELS)
    return Sound(_wav(loudness.numpy().astype("<i2")), label)


def _wav(samples: np.ndarray) -> bytes:
    """16-bit samples of one channel as a file."""
    kept = io.BytesIO()
    with wave.open(kept, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return kept.getvalue()
