"""Spoken digits as sound: the Free Spoken Digit Dataset (full), or generated tones and chirps (mini).

Full: recordings 0 to 9 of every digit and speaker of the set (Jackson et al., 2018), 8 kHz, cut or filled with silence
to one second. As its authors say, recordings 0 to 4 are `test`; recording 9 is `val`, 5 to 8 are `train`. Mini: ten
sounds (five tones, rising and falling chirps, a beat, a hum, noise) by four "speakers" who differ in pitch.
"""

import io
import re
import tarfile
import wave

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from course_utils.data.decoded import decoded
from course_utils.data.fetch import fetch
from course_utils.data.registry import DATASETS
from course_utils.data.splits import SPLITS, check

RATE = {"mini": 2_000, "full": 8_000}  # samples a second
LENGTH = {"mini": 500, "full": 8_000}  # samples
SPEAKERS = {
    "mini": ("low", "middle", "high", "highest"),
    "full": ("george", "jackson", "lucas", "nicolas", "theo", "yweweler"),
}
SOUNDS = ("tone 1", "tone 2", "tone 3", "tone 4", "tone 5", "rise", "fall", "beat", "hum", "noise")
SIZES = {"train": 400, "val": 80, "test": 200}
_RECORDINGS = {"train": (5, 6, 7, 8), "val": (9,), "test": (0, 1, 2, 3, 4)}


def load(tier: str, split: str) -> TensorDataset:
    """Waves (N, LENGTH), float32 in [-1, 1]; digit (N,), speaker (N,) and length before filling (N,), int64."""
    check(split, tier)
    if tier == "mini":
        return _generated(split)
    kept = decoded("spoken_digits", _read)
    rows = torch.isin(kept["recording"], torch.tensor(_RECORDINGS[split]))
    waves = kept["waves"][rows].float() / 32768
    return TensorDataset(waves, kept["digit"][rows], kept["speaker"][rows], kept["length"][rows])


def _generated(split: str) -> TensorDataset:
    n, length = SIZES[split], LENGTH["mini"]
    rng = np.random.RandomState([SPLITS.index(split), 2018])
    sound, speaker = np.arange(n) % 10, np.arange(n) // 10 % 4
    t = np.arange(length)[None] / RATE["mini"]  # seconds, (1, L)
    pitch = (80 * 1.2**speaker * rng.uniform(0.97, 1.03, n))[:, None]
    waves = _sounds(t, pitch, rng)[sound, np.arange(n)]
    duration = rng.randint(length * 7 // 10, length + 1, n)
    ramp = np.clip(np.minimum(np.arange(length), duration[:, None] - 1 - np.arange(length)) / 25, 0, 1)
    waves = waves * ramp * rng.uniform(0.4, 0.9, (n, 1)) + rng.normal(0, 0.005, (n, length))
    waves = np.where(np.arange(length) < duration[:, None], np.clip(waves, -1, 1), 0)
    whole = np.round(waves * 32767) / 32768  # 16 bits; hides the last bit, which differs between processors
    codes = [torch.from_numpy(part.astype(np.int64)) for part in (sound, speaker, duration)]
    return TensorDataset(torch.from_numpy(whole.astype(np.float32)), *codes)


def _sounds(t: np.ndarray, pitch: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """The ten sounds for each of N pitches (N, 1), in hertz, at times t (1, L): (10, N, L)."""
    turn = 2 * np.pi * pitch
    tones = [np.sin(turn * ratio * t) for ratio in (1, 1.5, 2, 3, 4)]
    rise, fall = np.sin(turn * (1 + 4 * t) * t), np.sin(turn * (4 - 6 * t) * t)
    beat = np.sin(turn * 2 * t) * np.cos(2 * np.pi * 12 * t)
    hum = sum(np.sin(turn * k * t) / k for k in (1, 2, 3, 4)) / 1.6
    noise = 0.5 * rng.normal(0, 1, hum.shape)
    return np.stack([*tones, rise, fall, beat, hum, noise])


def _read() -> dict[str, Tensor]:
    """Files `<digit>_<speaker>_<recording>.wav`, 16-bit, one channel."""
    waves, codes = [], []
    with tarfile.open(fetch(DATASETS["spoken_digits"].files[0])) as archive:
        for member in sorted(archive.getmembers(), key=lambda member: member.name):
            named = re.search(r"(\d)_(\w+)_(\d+)\.wav$", member.name)
            stream = archive.extractfile(member) if named else None
            if named is None or stream is None:
                continue
            with wave.open(io.BytesIO(stream.read())) as sound:
                samples = np.frombuffer(sound.readframes(LENGTH["full"]), "<i2")
            waves.append(np.pad(samples, (0, LENGTH["full"] - len(samples))))
            speaker = SPEAKERS["full"].index(named[2])
            codes.append((int(named[1]), speaker, int(named[3]), len(samples)))
    digit, who, recording, length = torch.tensor(codes).T
    found = {"digit": digit, "speaker": who, "recording": recording, "length": length}
    return found | {"waves": torch.from_numpy(np.stack(waves))}
