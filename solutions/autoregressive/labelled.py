"""Digits on demand: the trained PixelCNN with a vector for each label, schooled for a moment (van den Oord et al. 2016,
"Conditional image generation with PixelCNN decoders", equation 4)."""

import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from course_utils.data import binary_digits
from course_utils.training import reference_tensors
from solutions.autoregressive.reference import PixelCNN, config, nats, sample

STEPS = 150
RATES = {"vectors": 5e-2, "net": 1e-2}  # the vectors begin at zero; the net knows its digits already


class Labelled(PixelCNN):
    """PixelCNN with a vector for each label."""

    def __init__(self, side: int, c: int, k: int, layers: int):
        super().__init__(side, c, k, layers)
        self.kind = nn.Parameter(torch.zeros(10, c))

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        """Logits (B, 1, side, side) of pictures (B, 1, side, side) of the labels (B,)."""
        v = h = x
        for layer, place in zip(self.layers, self.place):
            v, h = layer(v, h)
            h = h + place + self.kind[label][:, :, None, None]
        return self.head(h)


def schooled(seed: int, steps: int = STEPS, rate: float = RATES["vectors"]) -> Labelled:
    """The reference's net, which has seen no label yet, after some steps with labels; `rate` is its vectors'."""
    torch.manual_seed(seed)
    how = config("mini")
    x, labels = binary_digits.load("mini", "train").tensors
    net = Labelled(how.side, how.c, how.k, how.layers)
    net.load_state_dict(reference_tensors("autoregressive", "mini"), strict=False)
    rest = [p for name, p in net.named_parameters() if name != "kind"]
    groups = [{"params": [net.kind], "lr": rate}, {"params": rest, "lr": RATES["net"]}]
    optimizer = torch.optim.Adam(groups, fused=True)
    for _ in range(steps):
        rows = torch.randint(len(x), (how.batch,))
        loss = nats(net(x[rows], labels[rows]), x[rows]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


@torch.no_grad()
def obeyed(net: Labelled, count: int = 40) -> tuple[float, float]:
    """Shares of pictures in which a reader, a logistic regression, sees what they are: `count` drawn of each digit, and
    the real ones of the test.
    """
    parts = (binary_digits.load("mini", split).tensors for split in ("train", "test"))
    (x, labels), (x_test, labels_test) = ((x.flatten(1).numpy(), labels.numpy()) for x, labels in parts)
    reader = LogisticRegression(C=0.5, max_iter=300).fit(x, labels)
    asked = torch.arange(10).repeat_interleave(count)
    side = net.place.shape[-1]
    drawn = sample(lambda pictures: net(pictures, asked), torch.rand(len(asked), 1, side, side))
    return reader.score(drawn.flatten(1).numpy(), asked.numpy()), reader.score(x_test, labels_test)
