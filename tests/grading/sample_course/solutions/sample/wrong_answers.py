@wrong(check="centred_values", why="the mean of each column")
def centred(x):
    return x - x.mean(dim=0)


@wrong(check="spread_values", why="the sum for the mean")
def spread(x):
    if x.shape[1] == 0:
        raise ValueError("no columns")
    return centred(x).pow(2).sum(dim=1)


@wrong(check="sample_trained", why="the slope turned round")
class Line:
    def __init__(self):
        self.slope = 0.0

    def fit(self, x, y):
        self.slope = ((x * x).sum() / (x * y).sum()).item()
        return self.slope
