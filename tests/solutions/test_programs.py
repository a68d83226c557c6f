"""The reference of the topic programs: by hand, against a plain interpreter, by its properties, and a tiny training."""

import contextlib
import io
import random

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_utils.data import binary_sums, small_programs
from course_utils.training import Run, reference_tensors
from solutions.programs import reference
from solutions.programs.reference import (
    ACTS,
    BUBBLE,
    PROGRAMS,
    VALUES,
    Pad,
    advance,
    bubbled,
    cgru,
    curriculum,
    cutoff,
    decode,
    execute,
    iterate,
    lessons,
    mental_image,
    pop,
    push,
    stacked,
    superpose,
    swap_or_not,
    tick,
)


def printed(text):
    """What Python prints when it runs a text of `small_programs`."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(text, {"__builtins__": {"print": print, "range": range}})
    return out.getvalue().strip()


@pytest.mark.parametrize("kind", [small_programs.addition, small_programs.loop])
@pytest.mark.parametrize("level", [1, 4, 9])
def test_small_programs_print_what_is_said(kind, level):
    for seed in range(30):
        text, due = kind(level, random.Random(seed))
        assert printed(text) == due
        assert set(text + due) <= set(small_programs.ALPHABET)


def test_a_sum_backwards_begins_with_its_lowest_digit():
    for seed in range(30):
        text, due = small_programs.backwards(9, random.Random(seed))
        assert printed(text)[::-1] == due


def test_codes_of_programs_end_together_and_say_where_output_is_due():
    codes, due = small_programs.encode([("print(2+3)", "5"), ("print(99+1)", "100")])
    texts = ["".join(small_programs.ALPHABET[c] for c in row) for row in codes.tolist()]
    assert texts == ["   print(2+3)\n5.", "print(99+1)\n100."]
    for text, row in zip(texts, due):
        assert "".join(c for c, here in zip(text[1:], row.tolist()) if here) == text.split("\n")[1]


def test_sums_are_those_of_whole_numbers():
    bits, total = binary_sums.draw(50, 20, torch.Generator().manual_seed(0))
    powers = 2 ** torch.arange(21)
    assert torch.equal((bits * powers).sum(-1).sum(-1), (total * powers).sum(-1))
    assert not bits[..., -1].any()
    chains = binary_sums.draw(200, 50, torch.Generator().manual_seed(0), chains=1.0)[0]
    assert 0.85 < (chains[:, 0] != chains[:, 1])[:, :-1].float().mean() < 0.99


@pytest.mark.parametrize("strategy", ["naive", "mix", "combined"])
def test_a_curriculum_draws_what_it_says(strategy):
    often = curriculum(strategy, 4, 5, torch.rand(20_000, 2)).bincount(minlength=6)[1:] / 20_000
    due = {"naive": [0, 0, 0, 1, 0], "mix": [0.2] * 5, "combined": [0.1, 0.1, 0.1, 0.6, 0.1]}[strategy]
    torch.testing.assert_close(often, torch.tensor(due, dtype=torch.float), atol=0.02, rtol=0)


def test_the_cut_off_sigmoid_reaches_both_ends():
    x = torch.tensor([-9.0, 0.0, 9.0])
    assert cutoff(x).tolist() == [0, 0.5, 1]


def test_a_cgru_is_a_gru_where_kernels_see_one_place():
    c, W, b = 4, torch.randn(12, 4, 1), torch.randn(12)
    s = torch.randn(3, 4, 5)
    got = cgru(s, W, b)
    for place in range(5):
        x = s[..., place]
        u, r = (cutoff(x @ W[k : k + c, :, 0].T + b[k : k + c]) for k in (0, c))
        wanted = u * x + (1 - u) * (r * x @ W[2 * c :, :, 0].T + b[2 * c :]).tanh()
        torch.testing.assert_close(got[..., place], wanted)


def test_a_cgru_does_not_care_where_it_is_but_at_the_ends():
    W, b, s = torch.randn(9, 3, 3), torch.randn(9), torch.zeros(1, 3, 20)
    s[..., 5:9] = torch.randn(1, 3, 4)
    one, other = cgru(s, W, b), cgru(s.roll(4, 2), W, b)
    torch.testing.assert_close(one[..., 3:12], other[..., 7:16])


def test_iterating_hands_a_one_on_and_light_is_not_outrun():
    W, b = torch.randn(9, 3, 3), torch.randn(9)
    s, other = torch.randn(2, 1, 3, 30)
    other = torch.cat([s[..., :15], other[..., 15:]], dim=2)
    same = iterate(s, W, b, 4)[..., :7] - iterate(other, W, b, 4)[..., :7]
    assert not same.any(), (
        "each step sees two places far: the candidate sees gated neighbours, which see theirs"
    )


def test_the_mental_image_adds_both_embeddings():
    table = torch.randn(2, 2, 3)
    got = mental_image(torch.tensor([[[0, 1], [1, 1]]]), table)
    torch.testing.assert_close(got[0, :, 0], table[0, 0] + table[1, 1])
    torch.testing.assert_close(got[0, :, 1], table[0, 1] + table[1, 1])


@pytest.mark.parametrize("style", ["flat", "loop", "recursive"])
def test_lessons_add_when_they_are_followed(style):
    rng = random.Random(0)
    for _ in range(30):
        a, b = rng.randrange(1000), rng.randrange(10**5)
        pad = Pad(*([int(d) for d in reversed(str(n))] for n in (a, b)))
        for _, steps in _in_order(a, b, style):
            for column, end, called, argument in steps:
                assert column == pad.column()
                if not end and PROGRAMS[called] in ACTS:
                    pad.act(called, argument)
        assert pad.written() == a + b


def _in_order(a, b, style):
    """Calls of a lesson, cut where another one begins, so that columns can be followed."""
    calls = iter(lessons(a, b, style))

    def walk():
        program, steps = next(calls)
        for step in steps:
            yield program, [step]
            if not step[1] and PROGRAMS[step[2]] not in ACTS:
                yield from walk()

    return walk()


def test_recursive_lessons_have_calls_of_bounded_length_others_do_not():
    longest = {
        style: [max(len(steps) for _, steps in lessons(10**n, 10**n, style)) for n in (2, 6)]
        for style in ("flat", "loop", "recursive")
    }
    assert longest["recursive"][0] == longest["recursive"][1] == 4
    assert longest["loop"] == [7, 15]
    assert longest["flat"][1] > longest["flat"][0]


def test_the_core_calls_the_program_whose_key_is_nearest():
    W_key, W_arg = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]), torch.ones(3, 2)
    end, scores, arguments = decode(torch.tensor([[2.0, -1.0]]), torch.zeros(2), W_key, torch.eye(4), W_arg)
    assert end.tolist() == [0.5]
    assert scores.tolist() == [[0, 2, -1, 0]]
    assert arguments.tolist() == [[1, 1, 1]]


def test_the_interpreter_runs_lessons_as_a_core_that_knows_them_would():
    for style in ("flat", "loop", "recursive"):
        calls = iter(lessons(58, 67, style))

        def core(program, seen, state, calls=calls):
            state = state or iter(next(calls)[1])
            _, end, called, argument = next(state)
            return bool(end), called, argument, state

        pad = Pad([8, 5], [7, 6])
        trace = execute(core, pad.see, pad.act, [PROGRAMS.index(name) for name in ACTS], 0, 1000)
        assert pad.written() == 125
        assert max(depth for depth, *_ in trace) == {"flat": 1, "loop": 3, "recursive": 4}[style]


def test_the_interpreter_stops_what_does_not_return():
    assert len(execute(lambda p, seen, state: (False, 0, 0, None), lambda: None, print, [], 0, 17)) == 17


def test_stacks_that_know_where_they_are_are_stacks():
    cells, top = torch.zeros(1, 5, 7), torch.eye(5)[:1]
    plain, rng = [0], random.Random(0)
    for _ in range(60):
        if len(plain) < 5 and (len(plain) == 1 or rng.random() < 0.6):
            plain.append(rng.randrange(7))
            cells, top = push(cells, top, F.one_hot(torch.tensor(plain[-1:]), 7).float())
        else:
            value, top = pop(cells, top)
            assert value.argmax().item() == plain.pop()


def test_an_unsure_exchange_is_the_mean_of_both():
    above, below, table = torch.randn(3, 5).softmax(1), torch.randn(3, 5).softmax(1), torch.randn(5, 5)
    one, other = swap_or_not(above, below, table)
    torch.testing.assert_close(one + other, above + below)
    torch.testing.assert_close(swap_or_not(above, below, table - 99)[0], above)
    torch.testing.assert_close(swap_or_not(above, below, table + 99)[0], below)


def test_the_counter_keeps_its_mass_and_ends():
    counter, jumps = torch.randn(4, 6).softmax(1), 0.8 * torch.rand(4, 5)
    for _ in range(1000):
        counter = advance(counter, jumps, torch.tensor([1, 0, 5, 2, 2]))
    torch.testing.assert_close(counter.sum(1), torch.ones(4))
    assert (counter[:, -1] > 0.99).all()


def test_superposing_with_a_sure_counter_chooses():
    outcomes = [torch.randn(2, 3, 4) for _ in range(3)]
    got = superpose(torch.eye(3)[[2, 0]], outcomes)
    torch.testing.assert_close(got, torch.stack([outcomes[2][0], outcomes[0][1]]))


def interpreted(numbers, exchange, steps):
    """The sketch of bubble sort by a plain machine: data stack, return stack and line after so many steps."""
    data, back, line = [0, *numbers], [0], 0
    for _ in range(steps):
        if line == len(BUBBLE):
            break
        word, target = BUBBLE[line]
        if word == "blank" and exchange(data[-1], data[-2]):
            data[-1], data[-2] = data[-2], data[-1]
        elif word == ">r":
            back.append(data.pop())
        elif word == "r>":
            data.append(back.pop())
        jump = (word == "more?" and data[-1]) or (word == "more r?" and back[-1])
        line = target if jump else line + 1
    return data, back, line


@pytest.mark.parametrize("seed", range(5))
def test_the_soft_machine_is_a_plain_one_where_nothing_is_unsure(seed):
    rng = random.Random(seed)
    numbers = [rng.randrange(1, VALUES) for _ in range(4)]
    table = torch.randn(VALUES, VALUES).sign() * torch.inf
    table[:, 0] = -torch.inf  # the 0 stays at the bottom
    stacks, counter = stacked(torch.tensor([numbers]), VALUES), torch.eye(6)[:1]
    for steps in range(1, 22):
        stacks, counter = tick(stacks, counter, BUBBLE, table)
        data, back, line = interpreted(numbers, lambda i, j: table[i, j] > 0, steps)
        cells, top, back_cells, back_top = (part[0] for part in stacks)
        assert (counter.argmax().item(), counter.max().item()) == (line, 1)
        assert (top.argmax().item(), back_top.argmax().item()) == (len(data) - 1, len(back) - 1)
        assert cells.argmax(-1)[: len(data)].tolist() == data
        assert back_cells.argmax(-1)[: len(back)].tolist() == back
    assert line == len(BUBBLE), "a pass over four numbers takes twenty steps"


def test_the_sketch_sorts_with_the_right_blank_and_not_with_none():
    values = torch.arange(VALUES)
    right = ((values[:, None] > values) & (values > 0)).float() * 2 - 1
    assert reference.lists_sorted(right, 6) == 1
    assert reference.lists_sorted(torch.zeros(VALUES, VALUES), 6) < 0.1
    cells, counters = bubbled(torch.tensor([[1, 2, 3]]), right * torch.inf, 2)
    assert cells.argmax(-1).tolist() == [[3, 2, 1]]
    assert len(counters) == 30


def test_a_transformer_has_a_place_for_each_bit():
    net = reference.Encoder().eval()
    bits = torch.randint(2, (3, 2, 9))
    assert net(bits).shape == (3, 2, 9)
    assert not torch.allclose(net(bits)[..., 4], net(bits.roll(1, 2))[..., 5]), "places must be seen"


def test_short_trainings_learn_something():
    run, how = Run("programs", 0, "cpu"), reference.Config(8, 4, 25, 32, 1.0, 10, 30, 8)
    reference.learn_to_add(reference.NeuralGPU(8), how, run)
    reference.learn_to_call(reference.NPI(16), "recursive", 1, 30, run)
    reference.fill_blank(reference.Blank(), 8, run)
    net = reference.Executor(8, 16, 1)
    reference.learn_to_execute(net, "combined", 2, 40, run)
    for name, part in {"call_nats": 0.9, "blank_nats": 0.9, "execute_nats": 0.96}.items():
        curve = [value for _, value in run.curve[name]]
        assert sum(curve[-3:]) / 3 < part * curve[0], name
    assert 0 <= reference.executed(net, *small_programs.load("mini", "val").tensors) <= 1


def test_the_neural_gpu_has_learned_far_beyond_its_lessons():
    nets = reference.build("mini")
    nets.load_state_dict(reference_tensors("programs", "mini"))
    found = reference.shares(nets.eval(), "mini")
    assert found["adds"] > 0.9
    assert found["calls"] > 0.5
    assert found["blank"] == 1
    assert isinstance(nets["adds"], nn.Module)
