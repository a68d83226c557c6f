"""`torch.func` in the student's code, on what a check handed over: the same as in a notebook."""

import pytest
import torch
from torch import nn
from torch.func import functional_call

# PyTorch's own forward mode warns of what it is made with, at its first use.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")

CODE = """
import torch
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

def gradient(f, x): return grad(f)(x)
def jacobian(f, x): return jacrev(f)(x)
def columns(f, x): return jacfwd(f)(x)
def second(f, x): return hessian(lambda x: f(x).sum())(x)
def third(f, x): return jacrev(hessian(lambda x: f(x).sum()))(x)
def backwards(f, x): return vjp(f, x)[1](torch.cos(x))[0]
def forwards(f, x): return jvp(f, (x,), (torch.cos(x),))[1]
def rows(f, x): return vmap(jacrev(f))(torch.stack([x, 2 * x, x - 1]))
def curved(f, x): return vmap(hessian(lambda x: f(x).sum()))(torch.stack([x, x + 1], dim=1).T.contiguous())
def grid(f, x): return vmap(vmap(f))(torch.stack([x, 2 * x, x - 1, x + 1]).reshape(2, 2, -1))

def adapt(loss, parameters, rate):
    gradients = grad(loss)(parameters)
    return {name: value - rate * gradients[name] for name, value in parameters.items()}

def outer(loss, parameters, rate):
    return grad(lambda now: loss(adapt(loss, now, rate)))(parameters)
"""
NAMES = ["jacobian", "columns", "second", "third", "backwards", "forwards", "rows", "curved", "grid"]


def here() -> dict:
    """The same functions in this process, as a notebook has them."""
    names: dict = {}
    exec(CODE, names)
    return names


@pytest.mark.parametrize("name", NAMES)
def test_a_function_is_transformed_as_in_a_notebook(student, name):
    def f(x):
        return x.sin() * x.prod() + x.flip(0)

    x = torch.randn(3, dtype=torch.float64)
    torch.testing.assert_close(getattr(student(CODE), name)(f, x), here()[name](f, x))


@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_what_it_closes_over(student, name):
    w = torch.randn(3, dtype=torch.float64, requires_grad=True)
    x = torch.randn(3, dtype=torch.float64)

    def f(x):
        return (w * x).sin() * w.sum()

    proxy, notebook = getattr(student(CODE), name)(f, x), here()[name](f, x)
    torch.testing.assert_close(
        torch.autograd.grad(proxy.cos().sum(), w), torch.autograd.grad(notebook.cos().sum(), w)
    )


def test_a_step_down_a_loss_is_differentiated_too(student):
    def loss(parameters):
        return (parameters["w"] * data).sin().sum() ** 2 + parameters["b"]

    data = torch.randn(4, dtype=torch.float64)
    start = {"w": torch.randn(4, dtype=torch.float64), "b": torch.ones((), dtype=torch.float64)}
    s, names = student(CODE), here()
    for name in ("adapt", "outer"):
        got, expected = getattr(s, name)(loss, start, 0.1), names[name](loss, start, 0.1)
        assert got.keys() == expected.keys()
        for key, value in expected.items():
            torch.testing.assert_close(got[key], value)


def test_it_is_called_as_often_as_in_a_notebook(student):
    calls = []

    def f(x):
        calls.append(1)
        return x.sin().sum()

    x = torch.randn(2, requires_grad=True)
    student(CODE).gradient(f, x)
    assert len(calls) == 1


BATCHES = """
import torch
from torch.func import hessian, jacfwd, jacrev, vmap

def columns(f, x): return vmap(jacfwd(lambda p: f(p[None])[0]))(x)
def rows(f, x): return vmap(jacrev(lambda p: f(p[None])[0]))(x)
def curved(f, x): return vmap(hessian(lambda p: f(p[None])[0].sum()))(x)
def crossed(f, x): return vmap(lambda p: vmap(lambda q: f((p * q)[None])[0])(x))(x)
def named(f, x): return vmap(lambda p: f(x=p[None], shift=1.0)["there"][0])(x)
"""


@pytest.mark.parametrize("name", ["columns", "rows", "curved", "crossed", "named"])
def test_a_batch_is_one_call(student, name):
    w = torch.randn(3, dtype=torch.float64, requires_grad=True)
    calls = []

    def f(x, shift=None):
        calls.append(x.shape)
        y = (w * x).sin() * x.prod(1, keepdim=True)
        return y if shift is None else {"there": y + shift, "shift": shift}

    notebook: dict = {}
    exec(BATCHES, notebook)
    x = torch.randn(40, 3, dtype=torch.float64, requires_grad=True)
    got = getattr(student(BATCHES), name)(f, x)
    assert calls == [(1, 3)], "as in a notebook"
    expected = notebook[name](f, x)
    torch.testing.assert_close(got, expected)
    slopes = [torch.autograd.grad(y.cos().sum(), [w, x]) for y in (got, expected)]
    torch.testing.assert_close(*slopes)


@pytest.mark.parametrize("name", ["columns", "rows", "curved", "crossed"])
def test_what_no_batch_can_be_put_through_is_called_for_each(student, name):
    w = torch.randn(3, dtype=torch.float64, requires_grad=True)

    def f(x):
        return (w * x).sin() * x.prod(1, keepdim=True)

    def asking(x):
        assert x.detach().numpy().shape == (1, 3)
        return f(x)

    notebook: dict = {}
    exec(BATCHES, notebook)
    x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    got, expected = getattr(student(BATCHES), name)(asking, x), notebook[name](f, x)
    torch.testing.assert_close(got, expected)
    slopes = [torch.autograd.grad(y.cos().sum(), [w, x]) for y in (got, expected)]
    torch.testing.assert_close(*slopes)


FUNCTIONAL = """
from torch.func import functional_call, grad, vmap
import torch

def twice(net, x): return functional_call(net, {name: 2 * w for name, w in net.named_parameters()}, (x,))
def partly(net, x): return functional_call(net, {"0.bias": torch.ones(3)}, x)
def whole(net, x): return functional_call(net, net.state_dict(), (x,))

def several(net, x):
    weights = {name: torch.stack([w, -w, w / 2]) for name, w in net.named_parameters()}
    return vmap(lambda weights: functional_call(net, weights, (x,)))(weights)

def descended(net, x):
    weights = dict(net.named_parameters())
    slopes = grad(lambda weights: functional_call(net, weights, (x,)).square().sum())(weights)
    return functional_call(net, {name: w - 0.1 * slopes[name] for name, w in weights.items()}, (x,))
"""


@pytest.mark.parametrize("name", ["twice", "partly", "whole", "several", "descended"])
def test_a_module_with_other_weights(student, name):
    net, x = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 2)), torch.randn(5, 3)
    notebook: dict = {}
    exec(FUNCTIONAL, notebook)
    got, expected = getattr(student(FUNCTIONAL), name)(net, x), notebook[name](net, x)
    torch.testing.assert_close(got, expected)
    assert got.requires_grad is expected.requires_grad is (name != "whole")
    if got.requires_grad:
        slopes = [
            torch.autograd.grad(y.cos().sum(), list(net.parameters()), allow_unused=True)
            for y in (got, expected)
        ]
        for one, other in zip(*slopes):
            torch.testing.assert_close(
                torch.zeros(1) if one is None else one, torch.zeros(1) if other is None else other
            )


def test_a_module_that_was_passed_in(student):
    net, x = nn.Sequential(nn.Linear(3, 3), nn.Tanh()), torch.randn(3)
    got = student(CODE).jacobian(net, x)
    expected = here()["jacobian"](lambda x: functional_call(net, dict(net.named_parameters()), (x,)), x)
    torch.testing.assert_close(got, expected)
    got.sum().backward()
    found = [p.grad.clone() for p in net.parameters()]
    torch.testing.assert_close(found, list(torch.autograd.grad(expected.sum(), list(net.parameters()))))


def test_an_error_in_it_is_said(student):
    def f(x):
        raise ValueError("no such place")

    with pytest.raises(Exception, match="no such place"):
        student(CODE).gradient(f, torch.randn(2))
