"""Beside the record: test digits by growing scales, and in two bits of grey by a mixture of logistics."""

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils.data import binary_digits, mnist
from course_utils.training import Run
from solutions.autoregressive.reference import (
    Multiscale,
    bits_per_dim,
    config,
    fit,
    mean_nats,
    mixture_log_prob,
    pixel_cnn,
)


def mixture_nats(net: nn.Module, x: Tensor, levels: int) -> Tensor:
    """-log p of grey pictures of whole numbers (B, 1, H, W): (B,). The net gives 3K numbers a pixel."""
    y = net(2 * x / (levels - 1) - 1).float().permute(0, 2, 3, 1)  # (B, H, W, 3K)
    logits, mean, log_scale = y.chunk(3, dim=-1)
    mean = (levels - 1) * (1 + mean) / 2  # raw numbers around 0 are means around the middle
    return -mixture_log_prob(x[:, 0], logits, mean, log_scale.clamp(min=-7), levels).flatten(1).sum(1)


def grey(tier: str, split: str, levels: int = 4) -> Tensor:
    """The digits with `levels` levels of grey, whole numbers (N, 1, H, W)."""
    return (mnist.load(tier, split).tensors[0] * levels).floor().clamp(max=levels - 1)


def experiments(tensors: dict[str, Tensor], tier: str, run: Run) -> dict[str, float]:
    """Test digits by growing scales (nats a picture), and in 2-bit grey by a mixture of logistics (bits a pixel)."""
    how, pictures = config(tier), binary_digits.load(tier, "train")
    scales = fit(Multiscale(how.side, how.base, how.c), lambda net, x: net(x), pictures, how, run, "scales")
    shades = TensorDataset(grey(tier, "train"))
    mixture = fit(pixel_cnn(tier, c_out=9), lambda net, x: mixture_nats(net, x, 4), shades, how, run, "grey")
    bits = mean_nats(lambda x: mixture_nats(mixture, x, 4), grey(tier, "test"), run.device)
    return {
        "scales_test_nats": mean_nats(scales, binary_digits.load(tier, "test").tensors[0], run.device),
        "grey_test_bits": bits_per_dim(torch.tensor(bits), (how.side, how.side)).item(),
    }
