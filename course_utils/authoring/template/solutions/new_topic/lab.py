# %%
import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils import plots
from course_utils.colab import save_artifact
from course_utils.data import points
from course_utils.training import record

# %% [markdown]
# You will build a neuron that learns to tell two clusters of points apart.
#
# ## 1 Which side? (2 points, 5 minutes)
#
# Weights (3, 1) and a bias of −4: on which side of the line is the point (1, 2)? Work it out, then run.

# %%
torch.tensor([1.0, 2.0]) @ torch.tensor([3.0, 1.0]) - 4

# %% [markdown]
# Now for many points at once.

# %% solution="logits"
# A row of x is a point.

# %% test="logits_values" points=2
x, weight, bias = torch.tensor([[1.0, 2.0], [0.0, -1.0]]), torch.tensor([3.0, 1.0]), torch.tensor(-4.0)
got = student.logits(x, weight, bias)
what = "logits([[1, 2], [0, −1]], [3, 1], −4)"
mistakes = {"it leaves out the bias": ([5.0, -1.0], "for the first point 3 + 2 is not all")}
close(got, [1.0, -5.0], what, "weigh both coordinates of a point, add up, add the bias", mistakes=mistakes)
### BEGIN HIDDEN TESTS
x, weight, bias = torch.randn(7, 2), torch.randn(2), torch.randn(())
close(student.logits(x, weight, bias), (x * weight).sum(1) + bias, "logits of 7 points", "one number a point")

# %% [markdown]
# ## 2 How surprised? (2 points, 10 minutes)
#
# A logit $z$ gives class 1 the probability $\sigma(z) = 1 / (1 + e^{-z})$. The loss is the mean of −log of the
# probability of the true class: $\log(1 + e^z) - y z$. What does $z = 0$ cost?

# %% solution="surprise"
# softplus(z) is log(1 + e^z) and never overflows.

# %% test="surprise_values" points=2
z, y = torch.tensor([0.0, 2.0]), torch.tensor([1.0, 0.0])
got = student.surprise(z, y)
what = "surprise([0, 2], [1, 0])"
mistakes = {
    "it adds up": (2.820075, "the mean over the points"),
    "it takes one class for the other": (0.4100375, "which class does a large logit speak for?"),
}
close(got, 1.4100375, what, "log 2 ≈ 0.6931 for the first, more for the second", mistakes=mistakes)
### BEGIN HIDDEN TESTS
z, y = 3 * torch.randn(9), torch.randint(0, 2, (9,))
expected = torch.nn.functional.binary_cross_entropy_with_logits(z, y.float())
close(student.surprise(z, y), expected, "surprise of 9 points", "integers are welcome as classes")
close(student.surprise(torch.tensor([200.0]), torch.tensor([0.0])), 200.0, "surprise([200], [0])", "softplus")

# %% [markdown]
# ## 3 Downhill (3 points, 10 minutes)
#
# The loss's slope in a point's logit is $(\sigma(z) - y) / N$. By the chain rule it is that times $x$ in the weights.

# %% solution="descend"
# Against the slope, in the weights and in the bias.

# %% test="descend_values" points=3
x, y = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([1.0, 0.0])
weight, bias = student.descend(x, y, torch.zeros(2), torch.zeros(()), 1.0)
close(weight, [0.25, -0.5], "the weights after one step from 0", "the mean over both points of (σ(0) − y) x")
close(bias, 0.0, "the bias after one step from 0", "here the two points pull against each other")
### BEGIN HIDDEN TESTS
x, y, rate = torch.randn(6, 2), torch.randint(0, 2, (6,)).float(), 0.3
weight, bias = torch.randn(2).requires_grad_(), torch.randn(()).requires_grad_()
loss = torch.nn.functional.binary_cross_entropy_with_logits(x @ weight + bias, y)
slopes = torch.autograd.grad(loss, [weight, bias])
got = student.descend(x, y, weight.detach(), bias.detach(), rate)
close(got[0], weight - rate * slopes[0], "the weights after a step", "against the slope")
close(got[1], bias - rate * slopes[1], "the bias after a step", "against the slope, its own")

# %% [markdown]
# ## 4 Train it (1 point, 5 minutes)

# %% trains="new_topic"
x, y = points.load(tier, "train", "clusters").tensors
weight, bias, losses = torch.randn(2), torch.zeros(()), []
for _ in range(50):
    weight, bias = descend(x, y, weight, bias, 0.5)
    losses.append(float(surprise(logits(x, weight, bias), y)))
save_artifact("new_topic", {"weight": weight, "bias": bias}, tier)
figure, ax = plots.subplots()
ax.plot(losses)
ax.set(xlabel="step", ylabel="surprise")
plots.show(figure, "The surprise falls with every step.")

# %%
print(f"The reference: {record('new_topic').show(record('new_topic').value)} of the test points.")

# %% test="new_topic_trained" points=1
tensors = student.artifact("new_topic")
what = "the tensors of new_topic.safetensors"
holds(set(tensors) == {"weight", "bias"}, what, "weight, bias", sorted(tensors))
### BEGIN HIDDEN TESTS
judge("new_topic", tensors, 1)

# %% [markdown]
# Save the notebook, then hand in `new_topic.ipynb` and `new_topic.safetensors`;
# `course_utils.colab.submit("new_topic")` packs both.
