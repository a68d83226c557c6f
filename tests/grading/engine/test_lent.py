"""Functions and modules that a check hands to a student's code, and those that it hands back."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_utils.checks.failure import CheckFailed, StudentError


@pytest.mark.parametrize("f", [torch.sin, F.softplus, lambda x: x.sin() * 2, nn.Tanh(), nn.Softplus()])
def test_functions_may_be_passed_in(student, f):
    s = student("def twice(f, x): return f(f(x))")
    x = torch.randn(3, requires_grad=True)
    got, expected = s.twice(f, x), f(f(x))
    torch.testing.assert_close(got, expected)
    torch.testing.assert_close(torch.autograd.grad(got.sum(), x), torch.autograd.grad(expected.sum(), x))


ODE = """
def euler(f, y, ts):
    for a, b in zip(ts[:-1], ts[1:]):
        y = y + (b - a) * f(a, y)
    return y
"""


def test_gradients_reach_a_module_that_was_passed_in(student):
    class Field(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(2, 2)

        def forward(self, t, y):
            return self.inner(y).tanh() * t

    s = student(ODE)
    f, y, ts = Field(), torch.randn(3, 2), torch.linspace(0, 1, 5)
    s.euler(f, y, ts).sum().backward()
    got = [p.grad.clone() for p in f.parameters()]
    f.zero_grad()
    for a, b in itertools.pairwise(ts):
        y = y + (b - a) * f(a, y)
    y.sum().backward()
    torch.testing.assert_close(got, [p.grad for p in f.parameters()])


def test_gradients_reach_what_a_passed_function_closes_over(student):
    s = student(ODE)
    w = torch.tensor(0.5, requires_grad=True)
    s.euler(lambda t, y: w * y, torch.ones(1), torch.linspace(0, 1, 4)).sum().backward()
    assert w.grad.item() == pytest.approx((1 + 0.5 / 3) ** 2, rel=1e-5)


JACOBIAN = """
import torch
def jacobian(f, x):
    x = x if x.requires_grad else x.detach().requires_grad_()
    y = f(x)
    return torch.stack([torch.autograd.grad(y[:, i].sum(), x, create_graph=True)[0] for i in range(2)], dim=1)
"""


def test_gradients_of_gradients_reach_what_a_passed_function_closes_over(student):
    s = student(JACOBIAN)
    w, x = torch.randn(2, 2, requires_grad=True), torch.randn(3, 2, requires_grad=True)
    got = s.jacobian(lambda x: torch.sin(x @ w.T), x)
    expected, weights = torch.cos(x @ w.T)[:, :, None] * w, torch.randn(3, 2, 2)
    assert w.grad is None, "only x was asked for"
    torch.testing.assert_close(
        torch.autograd.grad(got, [x, w], weights), torch.autograd.grad(expected, [x, w], weights)
    )


def test_what_a_function_closes_over_is_lent_and_not_given(student):
    s = student(
        "import torch\ndef spoil(f):\n    w = f()\n    w.data.zero_()\n    (3 * w).sum().backward()\n    return 1\n"
        "def lowered(w):\n    w -= 1\n    return w"
    )
    w = torch.ones(2, requires_grad=True)
    s.spoil(lambda: w)
    assert w.tolist() == [1, 1]
    assert w.grad.tolist() == [3, 3]
    got = s.lowered(w)  # an argument is a copy, that may be worked on, whatever was lent before
    assert got.tolist() == [0, 0]
    assert w.tolist() == [1, 1]
    assert torch.autograd.grad(got.sum(), w)[0].tolist() == [1, 1]


def test_what_a_check_says_in_a_function_that_it_passed_comes_back_as_that(student):
    s = student(
        "def call(f): return f()\n"
        "def careful(f):\n    try:\n        return f()\n    except RuntimeError:\n        return 1\n"
        "def own(f):\n    careful(f)\n    return 1 / 0"
    )

    def f():
        raise CheckFailed("f is asked too often", hint="once is enough")

    for name in ("call", "own"):
        with pytest.raises(CheckFailed, match="too often") as caught:
            getattr(s, name)(f)
        assert type(caught.value) is CheckFailed
    assert s.careful(f) == 1
    with pytest.raises(StudentError, match="division"):
        s.own(lambda: 2)


def test_a_module_trained_by_the_student_comes_back(student):
    s = student(
        "import torch\ndef fit(net, x):\n    opt = torch.optim.SGD(net.parameters(), 0.01)\n"
        "    for _ in range(3):\n        opt.zero_grad(); net(x).pow(2).sum().backward(); opt.step()\n    return net"
    )
    net, x = nn.Linear(2, 1), torch.randn(6, 2)
    before = net.weight.detach().clone()
    trained = s.fit(net, x)
    assert torch.equal(net.weight, before)
    assert trained(x).pow(2).sum() < net(x).pow(2).sum()


def test_gradients_reach_the_weights_of_a_module_that_a_check_is_handed_back(student):
    s = student(
        "from torch import nn\nclass Block(nn.Module):\n    def __init__(self, f, step):\n        super().__init__()\n"
        "        self.f, self.step = f, step\n    def forward(self, x):\n        return self.step(self.f, x)"
    )
    net, x = nn.Linear(2, 2), torch.randn(3, 2)
    block = s.Block(net, lambda f, x: x + f(f(x)))
    block(x).sin().sum().backward()
    got = [weight.grad for weight in block.parameters()]
    (x + net(net(x))).sin().sum().backward()
    torch.testing.assert_close(got, [weight.grad for weight in net.parameters()])


def test_functions_come_back_and_can_be_called(student):
    s = student("def adder(n):\n    return lambda x: x + n")
    assert s.adder(3)(torch.ones(2)).tolist() == [4, 4]


def f(x, *rest, rate=0.5, name):
    """What the tests below hand over."""
    return rate * x


@pytest.mark.parametrize(
    "body",
    [
        "copy.deepcopy(f)(x, name='')",
        "copy.deepcopy({'f': [f]})['f'][0](x, name='')",
        "copy.deepcopy(f) is f",
        "copy.deepcopy(Holder(f))(x)",
        "functools.partial(f, rate=2.0)(x, name='')",
        "list(map(functools.partial(f, name=''), [x, 2 * x]))",
        "[(p.name, p.kind.name, p.default is p.empty) for p in inspect.signature(f).parameters.values()]",
        "list(inspect.signature(f).bind(3, 4, name='').arguments)",
        "list(pool.map(functools.partial(f, name=''), [x] * 20))",
    ],
)
def test_a_function_is_held_as_in_a_notebook(student, body):
    source = (
        "import copy, functools, inspect\nfrom concurrent.futures import ThreadPoolExecutor\nfrom torch import nn\n"
        "class Holder(nn.Module):\n    def __init__(self, f):\n        super().__init__()\n        self.f = f\n"
        "    def forward(self, x): return self.f(x, name='')\n"
        f"def go(f, x):\n    with ThreadPoolExecutor(4) as pool: return {body}"
    )
    notebook: dict = {"__name__": "notebook"}
    exec(source, notebook)
    x = torch.randn(3)
    got, expected = student(source).go(f, x), notebook["go"](f, x)
    assert repr(got) == repr(expected)


@pytest.mark.parametrize("given", [f, nn.Linear(2, 2)])
def test_pickling_is_refused_in_words(student, given):
    s = student("import pickle\ndef save(f): return pickle.dumps(f)")
    with pytest.raises(StudentError, match="lives in another process and cannot be pickled"):
        s.save(given)


def test_a_module_is_copied_and_loaded(student):
    source = (
        "import copy, torch\n"
        "def fitted(net, x):\n    copied = copy.deepcopy(net)\n"
        "    opt = torch.optim.SGD(copied.parameters(), 0.01)\n"
        "    copied(x).pow(2).sum().backward(); opt.step()\n    return net(x), copied(x), copied\n"
        "def halved(net, x):\n    net.load_state_dict({name: w / 2 for name, w in net.state_dict().items()})\n"
        "    return net(x), net.get_parameter('0.weight').sum()"
    )
    notebook: dict = {}
    exec(source, notebook)
    s, x = student(source), torch.randn(4, 3)
    net = nn.Sequential(nn.Linear(3, 3), nn.Tanh())
    before = net[0].weight.detach().clone()
    (*got, copied), (*expected, _) = s.fitted(net, x), notebook["fitted"](net, x)
    torch.testing.assert_close(got, expected)
    torch.testing.assert_close(copied(x), got[1])
    assert torch.equal(net[0].weight, before)
    torch.testing.assert_close(list(s.halved(net, x)), list(notebook["halved"](net, x)))


def test_the_parts_of_a_module_are_not_called_apart(student):
    s = student("def part(net, x): return net.get_submodule('0')(x)\ndef size(net, x): return net.width")
    for name, said in (("part", "as a whole"), ("size", "has no `width` at marking")):
        with pytest.raises(StudentError, match=said):
            getattr(s, name)(nn.Sequential(nn.Linear(2, 2)), torch.randn(2))
