"""Training references: seeds, devices, the loop with its checkpoints, the record.

What `solutions/<key>/reference.py` must hold, beside the solution itself::

    from course_utils.data import digits
    from course_utils.training import Paper, Run, main

    PAPER = {"full": Paper(0.9905, "lecun1998", system="LeNet-5")}       # optional: the paper's figure

    def train(tier: str, seed: int, run: Run) -> dict[str, Tensor]:
        '''LeNet-5 with ReLU, 4 epochs of Adam.'''                       # the record's "system"
        net = LeNet().to(run.device)                                     # random numbers are seeded already
        optimizer = torch.optim.Adam(net.parameters(), 1e-3)
        saved = {"net": net, "optimizer": optimizer}                     # all that the loop changes
        for x, y in run.batches(digits.load(tier, "train"), 64, steps=300, saved=saved):
            with run.autocast():                                         # bf16 where it pays, else nothing
                loss = cross_entropy(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.log(loss=loss)                                           # a tensor: nothing waits for the device
        return net.state_dict()                                          # goes into reference.safetensors

    def evaluate(tensors: dict[str, Tensor], tier: str, device: str = "cpu") -> float:
        '''Share of the test pictures that get their right digit.'''     # the record's "definition"

    def baseline(tier: str) -> float:
        '''What a linear classifier reaches.'''

    if __name__ == "__main__":
        main(__spec__)

What else is measured at the full tier stands in `solutions/<key>/experiments.py`: see `experiments.py` here.

`for step in run.steps(1000, saved)` counts instead of drawing batches; `phase="second"` names a further loop;
`if run.every(100): run.log(accuracy=...)` measures now and then; `run.generator("noise")` draws repeatably. Shares
(accuracies) are in [0, 1]. To try it alone: `train("mini", 0, Run())`.
"""

from course_utils.training.commands import main
from course_utils.training.judging import points
from course_utils.training.record import (
    MINI_SHARE,
    Paper,
    Record,
    RecordError,
    record,
    records,
    reference_tensors,
)
from course_utils.training.run import Run, TrainingError

__all__ = [
    "MINI_SHARE",
    "Paper",
    "Record",
    "RecordError",
    "Run",
    "TrainingError",
    "main",
    "points",
    "record",
    "records",
    "reference_tensors",
]
