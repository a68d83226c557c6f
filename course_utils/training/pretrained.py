"""Nets that somebody has trained already: the course's own (mini) and SqueezeNet, trained on ImageNet (full).

A *body* turns pictures into maps: `body(x)` gives those of its last layer, `body.stages(x)` those of several layers.
`head(tier)` is the linear layer that made classes of them.

    body = pretrained.load("mini")
    body(pictures)  # (B, 3, H, W) -> (B, body.channels, H / 8, W / 8)
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.data import squeezenet
from course_utils.training.record import reference_tensors


class Residual(nn.Module):
    """Two 3×3 convolutions, and a way around them."""

    def __init__(self, c_in: int, c_out: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(c_out)
        self.shortcut = nn.Sequential()
        if stride != 1 or c_in != c_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, c_in, H, W) to (B, c_out, ⌈H / stride⌉, ⌈W / stride⌉)."""
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(self.shortcut(x) + y)


class ResidualBody(nn.Module):
    """The residual net of the topic `depth` at its mini tier, without its last layer; takes pictures in [0, 1]."""

    channels = 64

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(16)
        self.blocks = nn.Sequential(Residual(16, 16, 1), Residual(16, 32, 2), Residual(32, 64, 2))

    def stages(self, x: Tensor) -> list[Tensor]:
        """Maps of the first convolution and of each block: 16, 16, 32 and 64 channels, a half to an eighth as high."""
        maps = [F.relu(self.norm(self.conv(x)))]
        for block in self.blocks:
            maps.append(block(maps[-1]))
        return maps

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) to maps (B, 64, H / 8, W / 8)."""
        return self.stages(x)[-1]


class Fire(nn.Module):
    """A 1×1 convolution that squeezes, and two that expand, side by side (Iandola et al., 2016, fig. 1)."""

    def __init__(self, c_in: int, squeezed: int, expanded: int):
        super().__init__()
        self.squeeze = nn.Conv2d(c_in, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, c_in, H, W) to (B, 2 · expanded, H, W)."""
        y = F.relu(self.squeeze(x))
        return F.relu(torch.cat([self.expand1x1(y), self.expand3x3(y)], dim=1))


class SqueezeBody(nn.Module):
    """SqueezeNet 1.0 without its classifier. Pictures in [0, 1]; sides under 96 are enlarged to that first."""

    channels = 512
    kept = (1, 5, 10, 12)  # the layers whose maps `stages` gives
    least = 96

    def __init__(self) -> None:
        super().__init__()
        fires = {int(name.split(".")[1]) for name in squeezenet.layers() if "squeeze" in name}
        shapes = squeezenet.layers()
        self.features = nn.Sequential(nn.Conv2d(3, 96, 7, stride=2), nn.ReLU())
        for number in range(2, 13):
            layer: nn.Module = nn.MaxPool2d(3, stride=2, ceil_mode=True)
            if number in fires:
                squeezed, c_in = shapes[f"features.{number}.squeeze"][:2]
                layer = Fire(c_in, squeezed, shapes[f"features.{number}.expand1x1"][0])
            self.features.append(layer)

    def stages(self, x: Tensor) -> list[Tensor]:
        """Maps of four layers, with 96, 256, 512 and 512 channels."""
        if min(x.shape[2:]) < self.least:
            x = F.interpolate(x, scale_factor=self.least / min(x.shape[2:]), mode="bilinear")
        x, maps = squeezenet.prepare(x), []
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in self.kept:
                maps.append(x)
        return maps

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) to maps (B, 512, about H / 16, about W / 16)."""
        return self.stages(x)[-1]


Body = ResidualBody | SqueezeBody


def untrained(tier: str) -> Body:
    """A tier's body with random weights."""
    return ResidualBody() if tier == "mini" else SqueezeBody()


def load(tier: str) -> Body:
    """A tier's body with the weights that were learned on another task, in evaluation mode."""
    body = untrained(tier)
    tensors = _tensors(tier)
    body.load_state_dict({name: tensors[name] for name in body.state_dict()})
    return body.eval()


def head(tier: str) -> tuple[Tensor, Tensor]:
    """Weights (K, C) and biases (K,) of the layer that made K classes of the maps' means.

    SqueezeNet's has a ReLU before the mean, which this leaves out.
    """
    tensors, name = _tensors(tier), "dense" if tier == "mini" else "classifier.1"
    return tensors[f"{name}.weight"].flatten(1), tensors[f"{name}.bias"]


def _tensors(tier: str) -> dict[str, Tensor]:
    return reference_tensors("depth", "mini") if tier == "mini" else squeezenet.load("full")
