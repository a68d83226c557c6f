# %%
import torch
from torch import Tensor
from safetensors.torch import save_file

# %% [markdown]
# Take the mean away from each row.

# %% solution="centred"
# which dimension are the columns?

# %% test="centred_values" points=2
import torch

from course_utils.checks import close, student

x = torch.tensor([[1.0, 3.0], [2.0, 6.0]])
close(
    student.centred(x), torch.tensor([[-1.0, 1.0], [-2.0, 2.0]]), "centred(x)", "the mean of which dimension?"
)
### BEGIN HIDDEN TESTS
from solutions.sample import reference

x = torch.randn(3, 5)
close(student.centred(x), reference.centred(x), "centred(x) for x (3, 5)", "the mean of which dimension?")
### END HIDDEN TESTS

# %% solution="spread"

# %% test="spread_values" points=3
import torch

from course_utils.checks import close, raises, student

x = torch.tensor([[1.0, 3.0], [2.0, 6.0]])
close(student.spread(x), torch.tensor([1.0, 4.0]), "spread(x)", "square, then mean")
### BEGIN HIDDEN TESTS
x = torch.randn(4, 7)
close(student.spread(x), x.var(dim=1, correction=0), "spread(x) for x (4, 7)", "divide by D")
raises(ValueError, lambda: student.spread(torch.zeros(2, 0)), "spread of no columns", "see the docstring")
### END HIDDEN TESTS
3.0

# %% solution="Line" keep="__init__"

# %% test="line_fit" points=2
import torch

from course_utils.checks import close, student

x = torch.tensor([1.0, 2.0])
line = student.Line()
close(line.fit(x, 3 * x), 3.0, "fit", "least squares")
close(line.slope, 3.0, "slope", "keep it")
### BEGIN HIDDEN TESTS
x = torch.randn(9)
y = 2 * x + torch.randn(9) / 4  # a slope near 0 would hang on rounding
close(
    student.Line().fit(x, y),
    torch.linalg.lstsq(x[:, None], y[:, None]).solution.item(),
    "fit",
    "least squares",
)
### END HIDDEN TESTS

# %%
line = Line()
x = torch.linspace(-1, 1, 50)
for _ in range(20_000):
    slope = line.fit(x, 3 * x)
save_file({"slope": torch.tensor([slope])}, "sample.safetensors", metadata={"tier": "mini"})

# %% test="sample_trained" points=1
from course_utils.checks import holds, student

tensors = student.artifact("sample")
holds(set(tensors) == {"slope"}, "the tensors of sample.safetensors", "slope", sorted(tensors))
### BEGIN HIDDEN TESTS
from solutions.sample import reference

holds(reference.evaluate(tensors, "mini") < 1e-3, "the slope", "3", tensors["slope"].item())
### END HIDDEN TESTS
