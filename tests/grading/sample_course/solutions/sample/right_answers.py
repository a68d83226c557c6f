import numpy as np
import torch


@right(why="a loop over the rows")
def centred(x):
    return torch.stack([row - row.sum() / len(row) for row in x])


@right(why="NumPy")
def spread(x):
    if x.shape[1] == 0:
        raise ValueError("no columns")
    return np.var(x.double().numpy(), axis=1)


@right(why="lstsq")
class Line:
    def __init__(self):
        self.slope = 0.0

    def fit(self, x, y):
        self.slope = float(torch.linalg.lstsq(x[:, None], y[:, None]).solution)
        return self.slope
