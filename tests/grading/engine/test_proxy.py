"""The student's functions, classes and gradients, seen through the wire."""

import itertools
import time
from collections import Counter

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_utils.checks import close
from course_utils.checks.failure import CheckFailed, StudentError
from course_utils.grading.engine.proxy import SECRET, Interrupted, Trusted
from course_utils.grading.wire.channel import Late

NET = """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.width = width
        self.layers = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 1))
    def forward(self, x):
        return self.layers(x)
    def double(self, x):
        return 2 * self(x)
"""


def test_plain_values_cross(student):
    s = student("def same(x): return x")
    for value in (
        None,
        True,
        3,
        -1.5,
        float("inf"),
        "ä",
        [1, [2]],
        (1, 2),
        {"a": (1,), 2: None},
        {1, 2},
        1j,
        b"x",
        ...,
    ):
        assert s.same(value) == value
        assert type(s.same(value)) is type(value)
    assert s.same(torch.float64) is torch.float64


def test_a_method_of_every_module_is_called_in_one_question(student, monkeypatch):
    s, asked = student(NET), []
    net, ask = s.Net(3), Trusted.ask

    def counting(peer, op, *args, **named):
        asked.append(op)
        return ask(peer, op, *args, **named)

    monkeypatch.setattr(Trusted, "ask", counting)
    assert list(net.state_dict()) == [f"layers.{n}.{part}" for n in (0, 2) for part in ("weight", "bias")]
    net.eval()
    assert not net.training
    assert asked == ["method", "method", "get"]


def test_a_method_of_every_module_can_be_handed_on(student):
    s = student(NET + "def count(parameters): return sum(p.numel() for p in parameters())\n")
    assert s.count(s.Net(3).parameters) == 13
    assert s.count(s.Net(3).layers.parameters) == 13


def test_a_module_whose_method_is_none_says_so_by_name(student):
    s = student(NET + "class Stuck(Net):\n    eval = None\n")
    with pytest.raises(StudentError, match=r"eval\(…\).*TypeError"):
        s.Stuck(3).eval()


def test_a_counter_arrives_as_one(student):
    assert student("def f(x): return x.most_common(1)").f(Counter("aab")) == [("a", 2)]


def test_a_named_tuple_is_a_tuple_here_and_itself_over_there(student):
    s = student(
        "import torch\nfrom collections import namedtuple\nState = namedtuple('State', 'h c')\n"
        "w = torch.ones(2, requires_grad=True)\n"
        "def begin(): return State(1.5 * w, 2)\ndef go(state): return state.h + state.c\n"
        "def several(): return [begin(), (begin(),)]"
    )
    state = s.begin()
    close(state, (torch.tensor([1.5, 1.5]), 2), "begin()", "a pair")
    h, c = state
    assert (h.shape, c, len(state)) == ((2,), 2, 2)
    assert isinstance(state, tuple)
    close(s.go(state), torch.tensor([3.5, 3.5]), "go(state)", "its parts by name")
    close(s.go(s.several()[1][0]), torch.tensor([3.5, 3.5]), "go(state)", "its parts by name")
    s.go(state).sum().backward()
    close(s.w.grad, torch.tensor([1.5, 1.5]), "w.grad", "gradients flow through")


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.bool, torch.complex64]
)
def test_tensors_cross(student, dtype):
    s = student("def same(x): return x")
    for shape in [(), (0, 3), (2, 3), (4,)]:
        value = torch.randn(shape).mul(3).to(dtype)
        got = s.same(value)
        assert got.dtype == dtype
        assert torch.equal(got, value)
    assert torch.equal(s.same(torch.arange(6).reshape(2, 3).T), torch.arange(6).reshape(2, 3).T)


def test_work_in_place_does_not_reach_the_check(student):
    s = student("def zero(x):\n    x.zero_()\n    return x")
    x = torch.ones(3)
    assert s.zero(x).sum() == 0
    assert x.sum() == 3


def test_gradients_flow_through(student):
    s = student("def f(x, w): return (x * w).sin().sum()")
    x, w = torch.randn(3, requires_grad=True), torch.randn(3, requires_grad=True)
    s.f(x * 2, w).backward()
    expected = torch.autograd.grad((x * 2 * w).sin().sum(), (x, w))
    torch.testing.assert_close((x.grad, w.grad), expected)


def test_second_derivatives_flow_through(student):
    s = student("def f(x): return (x**3).sum()")
    x = torch.randn(4, requires_grad=True)
    (first,) = torch.autograd.grad(s.f(x), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    torch.testing.assert_close(first, 3 * x**2)
    torch.testing.assert_close(second, 6 * x)


def test_gradcheck_through_the_wire(student):
    s = student("def f(x, w): return (x @ w).tanh()")
    x, w = (torch.randn(2, 2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(s.f, (x, w))


def test_a_class_is_held_by_handle(student):
    s = student(NET)
    net = s.Net(5)
    assert net.width == 5
    assert net(torch.randn(7, 2)).shape == (7, 1)
    assert net.double(torch.zeros(1, 2)).shape == (1, 1)
    assert next(name for name, _ in net.named_parameters()) == "layers.0.weight"
    assert sum(p.numel() for p in net.parameters()) == 21
    state = {name: torch.ones_like(tensor) for name, tensor in net.state_dict().items()}
    net.load_state_dict(state)
    assert all(bool((p == 1).all()) for p in net.parameters())
    assert net.training is True
    net.eval()
    assert net.training is False
    assert len(net.layers) == 3
    assert net.layers[0].weight.shape == (5, 2)


def test_gradients_reach_the_student_s_parameters(student):
    s = student(NET)
    net, x = s.Net(3), torch.randn(4, 2)
    loss = net(x).pow(2).sum()
    loss.backward()
    parameters = list(net.parameters())
    here = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    here.load_state_dict({name.removeprefix("layers."): t for name, t in net.state_dict().items()})
    here(x).pow(2).sum().backward()
    for got, expected in zip(parameters, here.parameters()):
        torch.testing.assert_close(got.grad, expected.grad)
    net.zero_grad()
    assert all(p.grad is None for p in parameters)


def test_a_check_can_train_the_student_s_net(student):
    s = student(NET + "\ndef total(net): return sum(float(p.detach().sum()) for p in net.parameters())")
    net, x, y = s.Net(8), torch.randn(32, 2), torch.randn(32, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    losses = []
    for _ in range(10):
        loss = F.mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert s.total(net) == pytest.approx(sum(float(p.detach().sum()) for p in net.parameters()), abs=1e-4)


def test_the_student_s_training_is_seen_by_the_check(student):
    loop = "for p in net.parameters(): p.data -= 0.1 * p.grad"
    source = f"def step(net, x):\n    net(x).sum().backward()\n    {loop}"
    s = student(NET + source)
    net = s.Net(2)
    parameters = list(net.parameters())
    before = [p.detach().clone() for p in parameters]
    s.step(net, torch.randn(5, 2))
    assert not any(torch.equal(p, q) for p, q in zip(parameters, before))
    for p, q in zip(parameters, before):
        torch.testing.assert_close(p.detach(), q - 0.1 * p.grad)


def test_a_torch_generator_is_copied_as_in_a_notebook(student):
    s = student("import torch\ndef f(draw): return torch.rand(3, generator=draw)")
    draw = torch.Generator().manual_seed(1)
    assert torch.equal(s.f(draw), s.f(draw))
    assert torch.equal(draw.get_state(), torch.Generator().manual_seed(1).get_state())


def test_generators_are_bounded(student):
    s = student(
        "def count():\n    n = 0\n    while True:\n        yield n\n        n += 1\ndef three(): yield from 'abc'"
    )
    assert list(itertools.islice(s.count(), 5)) == [0, 1, 2, 3, 4]
    assert list(s.three()) == ["a", "b", "c"]
    with pytest.raises(CheckFailed, match="no end"):
        list(s.count())


def test_errors_come_back_with_the_student_s_line(student):
    s = student("def f(x):\n    y = x\n    raise ValueError('odd kernel')\ndef g(x): return x @ x")
    with pytest.raises(StudentError) as caught:
        s.f(1)
    assert caught.value.kinds[0] == "ValueError"
    assert "f(…) raised ValueError: odd kernel" in str(caught.value)
    assert "line 3 of answer: `raise ValueError('odd kernel')`" in str(caught.value)
    with pytest.raises(ValueError, match="odd"):
        s.f(1)
    with pytest.raises(RuntimeError):
        s.g(torch.ones(2, 3))
    with pytest.raises(CheckFailed, match="there is no `nothing`"):
        s.nothing(1)


def test_a_seed_holds_on_both_sides(student):
    s = student("import torch\ndef draw(): return torch.randn(3)")
    torch.manual_seed(3)
    got = s.draw()
    torch.manual_seed(3)
    assert torch.equal(got, torch.randn(3))
    assert not torch.equal(s.draw(), s.draw())


def test_without_one_the_student_s_side_learns_nothing_of_what_is_drawn(student):
    s = student("import torch\ndef state(): return torch.get_rng_state()\ndef draw(): return torch.randn(3)")
    seen = []
    for _ in range(2):  # and it is the same again when a submission is marked again
        s.peer.forget()
        torch.default_generator.manual_seed(SECRET + 5)
        before = torch.default_generator.get_state()
        state = s.state()
        assert not torch.equal(state, before)
        here = torch.randn(3)
        assert not torch.equal(s.draw(), here)
        seen.append((state, here))
    assert all(torch.equal(first, second) for first, second in zip(*seen))


def test_strange_objects_stay_handles_and_pass_for_nothing(student):
    s = student(
        "class Equal:\n    def __eq__(self, other): return True\n    def __float__(self): return 1.0\n"
        "    def __bool__(self): return True\nclass One(int):\n    def __eq__(self, other): return True\n"
        "def strange(): return Equal()\ndef one(): return One(1)"
    )
    with pytest.raises(CheckFailed):
        assert s.strange() == 3
    with pytest.raises(CheckFailed):
        assert s.strange()
    with pytest.raises(CheckFailed):
        float(s.strange())
    assert type(s.one()) is int
    assert s.one() != 2


def test_data_loaders_travel(student):
    s = student("def rows(loader): return [len(x) for x, y in loader]")
    data = torch.utils.data.TensorDataset(torch.randn(10, 2), torch.zeros(10))
    assert s.rows(torch.utils.data.DataLoader(data, batch_size=4)) == [4, 4, 2]


def test_a_call_costs_little(student):
    s = student("def f(x): return x")
    f, x = s.f, torch.randn(8)
    start = time.process_time()
    for _ in range(200):
        f(x)
    assert (time.process_time() - start) / 200 < 1e-3


def test_a_function_that_leaves_gradients_switched_off_is_told_so_and_the_next_has_them(student):
    s = student(
        "import torch\ndef f(x):\n    torch.set_grad_enabled(False)\n    return x\ndef g(x): return 2 * x"
    )
    with pytest.raises(StudentError, match="leaves gradients switched off"):
        s.f(torch.ones(1))
    assert s.g(torch.ones(1, requires_grad=True)).requires_grad


def test_an_answer_that_comes_too_late_is_no_error_of_the_check_s_function(student, monkeypatch):
    """On a busy machine the time may be over just while an answer is sent: a check that asks for a RuntimeError must
    not take that for one, and work that is right must not be told that it raised one.
    """
    s = student("def twice(f): return f() + f()")
    assert s.twice(lambda: 2) == 4
    send = s.peer.channel.send

    def late(header, *rest):
        if "re" in header:
            monkeypatch.undo()
            raise Late("the other side did not read in time")
        send(header, *rest)

    monkeypatch.setattr(s.peer.channel, "send", late)
    with pytest.raises(Interrupted):
        s.twice(lambda: 2)
