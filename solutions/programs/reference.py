"""Programs: nets that are programs, that run them step by step, and that fill in what a programmer left out.

Zaremba & Sutskever, "Learning to execute", arXiv:1410.4615; Kaiser & Sutskever, "Neural GPUs learn algorithms", ICLR
2016; Reed & de Freitas, "Neural programmer-interpreters", ICLR 2016; Cai et al., "Making neural programming
architectures generalize via recursion", ICLR 2017; Bošnjak et al., "Programming with a differentiable Forth
interpreter", ICML 2017.

Shapes: B examples, L places of a sum (its lowest bit first), C channels; H numbers of a state, P programs; N cells of a
stack, K values, I lines of a program. Stacks and counters hold distributions: each row adds up to 1.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils.data import binary_sums, small_programs
from course_utils.training import Run, main

# ----------------------------------------------------------------------------------------- learning to execute


def curriculum(strategy: str, level: int, top: int, draws: Tensor) -> Tensor:
    """How difficult each example of a batch shall be (Zaremba & Sutskever, section 4).

    "naive": all as difficult as the level that has been reached. "mix": any level from 1 to `top`, equally likely.
    "combined": each example by one of the two, equally likely.

    Args:
        strategy: "naive", "mix" or "combined".
        level: The level that has been reached, from 1 to `top`.
        top: The highest level.
        draws: (B, 2), uniform between 0 and 1 (1 is never drawn). The first column chooses among the levels; the second
            one chooses "naive" for a "combined" example if it is below a half.

    Returns:
        Levels (B,), whole numbers (torch.int64): programs are made by counting up to them.

    >>> curriculum("combined", 3, 4, torch.tensor([[0.1, 0.9], [0.9, 0.9], [0.1, 0.2]]))
    tensor([1, 4, 3])
    """
    naive = torch.full((len(draws),), level)
    mix = 1 + (draws[:, 0] * top).long()
    if strategy == "naive":
        return naive
    return mix if strategy == "mix" else torch.where(draws[:, 1] < 0.5, naive, mix)


class Executor(nn.Module):
    """Reads a program character by character and goes on with what it prints (Zaremba & Sutskever, section 2)."""

    def __init__(self, d: int, hidden: int, layers: int):
        super().__init__()
        self.table = nn.Embedding(len(small_programs.ALPHABET), d)
        self.lstm = nn.LSTM(d, hidden, layers, batch_first=True)
        self.scores = nn.Linear(hidden, len(small_programs.ALPHABET))
        for name, bias in self.lstm.named_parameters():
            if name.startswith("bias"):  # there are two of each, and they are added
                nn.init.ones_(bias[hidden : 2 * hidden])  # begin by keeping

    def forward(self, codes: Tensor) -> Tensor:
        """Codes (B, T) to scores (B, T, characters) of what comes next."""
        return self.scores(self.lstm(self.table(codes))[0])


@torch.no_grad()
def executed(net: nn.Module, codes: Tensor, due: Tensor) -> float:
    """Share of programs, as `small_programs.encode` gives them, whose whole output is what a net finds likeliest."""
    device = next(net.parameters()).device
    likeliest = net(codes[:, :-1].to(device)).argmax(-1).cpu()
    return ((likeliest == codes[:, 1:]) | ~due).all(1).float().mean().item()


# ------------------------------------------------------------------------------------------------- Neural GPU


def cutoff(x: Tensor) -> Tensor:
    """A sigmoid that reaches 0 and 1: 1.2 σ(x) - 0.1, held between them (Kaiser & Sutskever, section 3)."""
    return (1.2 * x.sigmoid() - 0.1).clamp(0, 1)


def blurred(x: Tensor, blur: float) -> Tensor:
    """x with normal noise of deviation `blur`; x itself where that is 0."""
    return x + blur * torch.randn_like(x) if blur else x


def cgru(s: Tensor, W: Tensor, b: Tensor, blur: float = 0.0) -> Tensor:
    """A convolutional gated recurrent unit (Kaiser & Sutskever, section 2), along one axis.

    The first C kernels and biases are those of the update gate u, the next C those of the reset gate r, the last C
    those of the candidate. Gates go through `cutoff`, and

        s becomes  u · s + (1 - u) · tanh(U * (r · s) + B).

    Args:
        s: The state (B, C, L); beyond its ends are zeros.
        W: (3 C, C, k), k odd.
        b: (3 C,).
        blur: Normal noise of this deviation is added to what goes into `cutoff` and into tanh; 0 for none.

    Returns:
        The state after it (B, C, L). Gradients flow to s, W and b.
    """
    c, reach = s.shape[1], W.shape[2] // 2
    gates = F.conv1d(s, W[: 2 * c], b[: 2 * c], padding=reach)
    u, r = cutoff(blurred(gates, blur)).chunk(2, dim=1)  # (B, C, L) each
    candidate = F.conv1d(r * s, W[2 * c :], b[2 * c :], padding=reach)
    return u * s + (1 - u) * blurred(candidate, blur).tanh()


def mental_image(bits: Tensor, table: Tensor) -> Tensor:
    """The state that a Neural GPU begins with: at each place the sum of the embeddings of both numbers' bits.

    Args:
        bits: (B, 2, L), 0 or 1.
        table: (2, 2, C): row k of table n embeds bit k of number n.

    Returns:
        (B, C, L). Gradients flow to the table.
    """
    return (table[0][bits[:, 0]] + table[1][bits[:, 1]]).mT  # (B, L, C) turned over


def iterate(s: Tensor, W: Tensor, b: Tensor, steps: int, blur: float = 0.0) -> Tensor:
    """The same cell, with the same weights, as often as one likes: a cellular automaton with real numbers.

    Args:
        s: (B, C, L).
        W, b: As for `cgru`.
        steps: How often, at least 0.
        blur: As for `cgru`.

    Returns:
        The last state (B, C, L). Gradients flow to s, W and b.
    """
    for _ in range(steps):
        s = cgru(s, W, b, blur)
    return s


class NeuralGPU(nn.Module):
    """Adds binary numbers: as many steps as there are places, and at each place scores of both bits."""

    def __init__(self, channels: int):
        super().__init__()
        cell = nn.Conv1d(channels, 3 * channels, 3)
        self.table = nn.Parameter(torch.randn(2, 2, channels) / 2)
        self.W, self.b = cell.weight, nn.Parameter(torch.zeros(3 * channels))
        with torch.no_grad():
            self.b[: 2 * channels] = 1.0  # gates are open: what is there is kept, and seen
        self.scores = nn.Linear(channels, 2)

    def forward(self, bits: Tensor, more: int = 0, blur: float = 0.0) -> Tensor:
        """Bits (B, 2, L) to scores (B, 2, L); `more` steps than there are places, with a blur while it learns."""
        s = iterate(mental_image(bits, self.table), self.W, self.b, bits.shape[-1] + more, blur)
        return self.scores(s.mT).mT


@torch.no_grad()
def exact(net: nn.Module, sums: TensorDataset) -> float:
    """Share of sums, bits (N, 2, L) and what is due (N, L), in which every bit is right."""
    device = next(net.parameters()).device
    found = [net(part.to(device)).argmax(1).cpu() for part in sums.tensors[0].split(25)]
    return (torch.cat(found) == sums.tensors[1]).all(1).float().mean().item()


# ------------------------------------------------------------------------------ neural programmer-interpreter

PROGRAMS = ("ADD", "ADD1", "CARRY", "LSHIFT", "OUT", "MARK", "LEFT", "RIGHT")
ACTS = PROGRAMS[4:]  # they change the sheet, others call; OUT has an argument, the digit that is written
BLANK = 10
SEEN = 2 * (BLANK + 1) + 2  # numbers of an observation
Column = tuple[int, int, int]  # a digit of a and of b, `BLANK` beyond their ends; a carry


def one_hot(columns: Tensor) -> Tensor:
    """Columns (..., 3) of digits of a and b, up to `BLANK`, and a carry, as zeros and ones (..., SEEN)."""
    a, b, carry = columns.unbind(-1)
    parts = F.one_hot(a, BLANK + 1), F.one_hot(b, BLANK + 1), F.one_hot(carry, 2)
    return torch.cat(parts, dim=-1).float()


@dataclass
class Pad:
    """A sheet on which two numbers are added: digits, carries, the sum, and a pointer; the lowest digit is at 0."""

    a: list[int]
    b: list[int]
    carries: dict[int, int] = field(default_factory=dict)
    out: dict[int, int] = field(default_factory=dict)
    at: int = 0

    def column(self) -> Column:
        """What stands at the pointer: a digit of a and of b (`BLANK` beyond their ends), and a carry, 0 or 1."""
        a, b = (digits[self.at] if 0 <= self.at < len(digits) else BLANK for digits in (self.a, self.b))
        return a, b, self.carries.get(self.at, 0)

    def done(self) -> bool:
        """Whether nothing is left to add at the pointer."""
        return self.column() == (BLANK, BLANK, 0)

    def total(self) -> int:
        """The digit sum at the pointer."""
        a, b, carry = self.column()
        return a % BLANK + b % BLANK + carry

    def see(self) -> Tensor:
        """The column as numbers (SEEN,)."""
        return one_hot(torch.tensor(self.column()))

    def act(self, program: int, argument: int) -> None:
        """Do one of `ACTS`, given by its number among `PROGRAMS`."""
        match PROGRAMS[program]:
            case "OUT":
                self.out[self.at] = argument
            case "MARK":
                self.carries[self.at] = 1
            case "LEFT":
                self.at += 1  # to the next higher digit
            case "RIGHT":
                self.at -= 1

    def written(self) -> int:
        """The number that has been written."""
        return sum(digit * 10**place for place, digit in self.out.items())


def script(program: str, pad: Pad, style: str) -> Iterator[tuple[str, int]]:
    """What a program calls, one after the other, while the pad changes: a name and an argument each.

    Styles: "flat" (ADD does everything by acts), "loop" (ADD calls ADD1 and LSHIFT for each column) and "recursive"
    (ADD calls ADD1, LSHIFT and itself, once).
    """
    carry = (("LEFT", 0), ("MARK", 0), ("RIGHT", 0))
    if program == "ADD":
        while not pad.done():
            if style == "flat":
                total = pad.total()
                yield "OUT", total % 10
                yield from carry if total > 9 else ()
                yield "LEFT", 0
            else:
                yield "ADD1", 0
                yield "LSHIFT", 0
            if style == "recursive":
                yield "ADD", 0
                return
    elif program == "ADD1":
        total = pad.total()
        yield "OUT", total % 10
        if total > 9:
            yield "CARRY", 0
    else:
        yield from carry if program == "CARRY" else (("LEFT", 0),)


Steps = list[
    tuple[Column, int, int, int]
]  # what is seen, whether to return, what to call, with which argument


def digits(number: int, places: int = 1) -> list[int]:
    """The digits of a number, the lowest first, with zeros up to so many places.

    >>> digits(28, 3)
    [8, 2, 0]
    """
    return [int(d) for d in reversed(str(number).zfill(places))]


def lessons(a: int, b: int, style: str, places: int = 1) -> list[tuple[int, Steps]]:
    """All calls of an addition, each with its program and its steps; the last step of each says to return."""
    pad, calls = Pad(digits(a, places), digits(b, places)), []

    def run(program: str) -> None:
        steps: Steps = []
        calls.append((PROGRAMS.index(program), steps))
        for name, argument in script(program, pad, style):
            number = PROGRAMS.index(name)
            steps.append((pad.column(), 0, number, argument))
            if name in ACTS:
                pad.act(number, argument)
            else:
                run(name)
        steps.append((pad.column(), 1, 0, 0))

    run("ADD")
    return calls


def decode(
    h: Tensor, W_end: Tensor, W_key: Tensor, keys: Tensor, W_arg: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """What the core's state says (Reed & de Freitas, section 3): whether to return, what to call, with what.

    Args:
        h: The state (B, H).
        W_end: (H,).
        W_key: (D, H): makes a key of D numbers.
        keys: (P, D): the keys of all programs; the nearer a program's, by the product, the likelier it is called.
        W_arg: (A, H).

    Returns:
        The chance to return (B,), scores of the programs (B, P) and of the arguments (B, A). Gradients flow to all.
    """
    return (h @ W_end).sigmoid(), h @ W_key.T @ keys.T, h @ W_arg.T


class NPI(nn.Module):
    """A core that routes from programs to subprograms: an LSTM that sees the pad and knows which program it is in."""

    def __init__(self, hidden: int, d: int = 16):
        super().__init__()
        self.programs = nn.Parameter(torch.randn(len(PROGRAMS), d))
        self.encoder = nn.Linear(SEEN + d, 2 * hidden)
        self.cell = nn.LSTMCell(2 * hidden, hidden)
        self.W_end = nn.Parameter(torch.randn(hidden) / hidden**0.5)
        self.W_key = nn.Parameter(torch.randn(d, hidden) / hidden**0.5)
        self.keys = nn.Parameter(torch.randn(len(PROGRAMS), d))
        self.W_arg = nn.Parameter(torch.randn(10, hidden) / hidden**0.5)

    def forward(
        self, seen: Tensor, program: Tensor, state: Any = None
    ) -> tuple[tuple[Tensor, Tensor, Tensor], Any]:
        """What is seen (B, SEEN) in programs (B,), and the calls' state, to what `decode` says and the state after."""
        x = self.encoder(torch.cat([seen, self.programs[program]], dim=1)).relu()
        state = self.cell(x, state)
        return decode(state[0], self.W_end, self.W_key, self.keys, self.W_arg), state

    @torch.no_grad()
    def step(self, program: int, seen: Tensor, state: Any) -> tuple[bool, int, int, Any]:
        """One step of one call, as `execute` wants it: whether to return, what to call, with what, and the state."""
        device = self.keys.device
        (end, scores, arguments), state = self(
            seen[None].to(device), torch.tensor([program], device=device), state
        )
        return end.item() > 0.5, int(scores.argmax()), int(arguments.argmax()), state


Step = Callable[[int, Tensor, Any], tuple[bool, int, int, Any]]


def execute(
    step: Step,
    see: Callable[[], Tensor],
    act: Callable[[int, int], None],
    acts: Sequence[int],
    program: int,
    most: int,
) -> list[tuple[int, int, int]]:
    """Run a program (Reed & de Freitas, algorithm 1): each call has a state of its own, which begins with None.

    `step(program, seen, state)` says whether to return, what to call, with which argument, and the state after. If it
    says to return, the call is over, and nothing else of it counts. If what is called is one of `acts`, it is done by
    `act(number, argument)`, and the call goes on; otherwise it is run first, and then the call goes on.

    Args:
        step: The core.
        see: Gives what is seen now; it is looked at before each step.
        act: Does an act.
        acts: Numbers of the acts.
        program: What is run.
        most: So many steps, those that return included, and it is stopped.

    Returns:
        What was called, in order: (depth, number, argument), where what `program` itself calls has depth 1.
    """
    trace, calls = [], [(program, None)]
    while calls and most > 0:
        most -= 1
        current, state = calls.pop()
        returns, called, argument, state = step(current, see(), state)
        if returns:
            continue
        calls.append((current, state))
        trace.append((len(calls), called, argument))
        if called in acts:
            act(called, argument)
        else:
            calls.append((called, None))
    return trace


def added(net: NPI, a: int, b: int) -> Pad:
    """The sheet on which a net has added two numbers; it is stopped when it has gone on for too long."""
    pad = Pad(digits(a), digits(b))
    acts = [PROGRAMS.index(name) for name in ACTS]
    execute(net.step, pad.see, pad.act, acts, 0, 20 * (len(pad.a) + 2))
    return pad


def sums_right(net: NPI, places: int, count: int = 5) -> float:
    """Share of sums of two numbers of so many digits that a net writes down without an error."""
    rng = random.Random(places)
    pairs = [[rng.randrange(10 ** (places - 1), 10**places) for _ in range(2)] for _ in range(count)]
    return sum(added(net, a, b).written() == a + b for a, b in pairs) / count


# --------------------------------------------------------------------------------------- a differentiable Forth

Stacks = tuple[
    Tensor, Tensor, Tensor, Tensor
]  # cells (B, N, K) and top (B, N) of the data stack, then of the return stack


def push(cells: Tensor, top: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """Put a value on a stack whose top is known only as a distribution (Bošnjak et al., section 3.1).

    The top goes one cell on, round a ring; as much as it is at a cell, the value replaces what is there.

    Args:
        cells: (B, N, K), what each cell holds.
        top: (B, N), where the top is.
        value: (B, K).

    Returns:
        Cells and top after it, (B, N, K) and (B, N), new tensors. Gradients flow to all three.
    """
    top = top.roll(1, 1)
    return cells + top[..., None] * (value[:, None] - cells), top


def pop(cells: Tensor, top: Tensor) -> tuple[Tensor, Tensor]:
    """Take a value from a stack: what is read at the top (B, K), and the top one cell back (B, N). Cells stay.

    Gradients flow to both.
    """
    return (top[:, None] @ cells)[:, 0], top.roll(-1, 1)


def swap_or_not(above: Tensor, below: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
    """A blank: exchange two values or leave them, as likely as a table says.

    Args:
        above, below: (B, K), distributions over values.
        table: (K, K), scores: σ(table[i, j]) is the chance to exchange if i is above and j below.

    Returns:
        What is above and what is below afterwards, (B, K) each: each the mean of both outcomes by the chance of an
        exchange, which is the mean of the table's over both distributions. Gradients flow to all three.
    """
    p = torch.einsum("bi,ij,bj->b", above, table.sigmoid(), below)[:, None]
    return p * below + (1 - p) * above, p * above + (1 - p) * below


def advance(counter: Tensor, jumps: Tensor, targets: Tensor) -> Tensor:
    """One step of a soft program counter.

    As much of it as is at line i jumps to `targets[i]` by the share `jumps[:, i]`; the rest goes to line i + 1. Behind
    the last line is the end, from where nothing goes away.

    Args:
        counter: (B, I + 1), how much of it is at each line, and at the end.
        jumps: (B, I), from 0 to 1.
        targets: (I,), whole numbers from 0 to I.

    Returns:
        (B, I + 1), each row adding up to what it did. Gradients flow to the counter and to the jumps.

    >>> advance(torch.tensor([[0.5, 0.5, 0.0]]), torch.tensor([[0.0, 0.25]]), torch.tensor([0, 0]))
    tensor([[0.1250, 0.5000, 0.3750]])
    """
    at = counter[:, :-1]
    onward = F.pad(at * (1 - jumps), (1, 0))
    onward = torch.cat([onward[:, :-1], onward[:, -1:] + counter[:, -1:]], dim=1)
    return onward.index_add(1, targets, at * jumps)


BUBBLE = (  # words and the lines to which they may jump; 0 is no number but lies below all
    ("blank", 0),  # 0  exchange the two on top, or not
    (">r", 0),  # 1  move the top to the return stack
    ("more?", 0),  # 2  back to line 0 unless a 0 is on top
    ("r>", 0),  # 3  move it back
    ("more r?", 3),  # 4  back to line 3 unless the return stack has a 0 on top
)


def do(word: str, stacks: Stacks, table: Tensor) -> Stacks:
    """What a word makes of both stacks; `table` is that of the blank."""
    data, top, back, back_top = stacks
    if word == "blank":
        above, rest = pop(data, top)
        below, rest = pop(data, rest)
        above, below = swap_or_not(above, below, table)
        return *push(*push(data, rest.clone(), below), above), back, back_top
    if word == ">r":
        value, top = pop(data, top)
        return data, top, *push(back, back_top, value)
    if word == "r>":
        value, back_top = pop(back, back_top)
        return *push(data, top, value), back, back_top
    return stacks


def wants(word: str, stacks: Stacks) -> Tensor:
    """The share (B,) by which a word jumps: how likely the top is no 0."""
    data, top, back, back_top = stacks
    if word == "more?":
        return 1 - pop(data, top)[0][:, 0]
    return 1 - pop(back, back_top)[0][:, 0] if word == "more r?" else torch.zeros(len(top)).to(top)


def superpose(counter: Tensor, outcomes: Sequence[Tensor]) -> Tensor:
    """The mean of what each line, and the end, would leave behind, by how much of the counter is there.

    Args:
        counter: (B, I + 1).
        outcomes: I + 1 tensors of one shape (B, ...).

    Returns:
        (B, ...). Gradients flow to all.
    """
    return torch.einsum("bi,ib...->b...", counter, torch.stack(list(outcomes)))


def tick(
    stacks: Stacks, counter: Tensor, lines: Sequence[tuple[str, int]], table: Tensor
) -> tuple[Stacks, Tensor]:
    """One step of a program: every line is done, as much as the counter is there."""
    left = [do(word, stacks, table) for word, _ in lines] + [stacks]
    jumps = torch.stack([wants(word, stacks) for word, _ in lines], dim=1)  # (B, I)
    targets = torch.tensor([target for _, target in lines], device=counter.device)
    mixed = tuple(superpose(counter, outcomes) for outcomes in zip(*left))
    return mixed, advance(counter, jumps, targets)  # type: ignore[return-value]


def stacked(numbers: Tensor, values: int) -> Stacks:
    """Numbers (B, n), above 0, on a data stack, the last on top, with a 0 below them; and an empty return stack."""
    count, n = numbers.shape
    cells = F.one_hot(F.pad(numbers, (1, 1)), values).float()  # (B, n + 2, K)
    empty = F.one_hot(torch.zeros_like(numbers[:, :1]).expand(count, n + 2), values).float()
    places = torch.eye(n + 2, device=numbers.device)
    return cells, places[n].expand(count, -1), empty, places[0].expand(count, -1)


def bubbled(numbers: Tensor, table: Tensor, passes: int) -> tuple[Tensor, list[Tensor]]:
    """Run the sketch of bubble sort: each pass moves the numbers to the return stack and back.

    Args:
        numbers: (B, n), from 1 to K - 1, n at least 2.
        table: (K, K), that of the blank.
        passes: How often the program is run.

    Returns:
        What the cells of the data stack hold, from the bottom up, (B, n, K); and the counter at each step.
    """
    n = numbers.shape[1]
    stacks, counters = stacked(numbers, len(table)), []
    for _ in range(passes):
        counter = torch.eye(len(BUBBLE) + 1, device=table.device)[:1].expand(len(numbers), -1)
        for _ in range(5 * n):
            counters.append(counter)
            stacks, counter = tick(stacks, counter, BUBBLE, table)
    return stacks[0][:, 1:-1], counters


def filled(table: Tensor) -> Tensor:
    """The table of a blank once all choices have been made: a chance of more than a half has become 1, others 0."""
    return torch.where(table > 0, torch.inf, -torch.inf)


@torch.no_grad()
def lists_sorted(table: Tensor, length: int, count: int = 50) -> float:
    """Share of random lists that the sketch, with this blank filled, sorts: the largest at the bottom."""
    numbers = torch.randint(1, len(table), (count, length), generator=torch.Generator().manual_seed(length))
    cells, _ = bubbled(numbers.to(table.device), filled(table), length - 1)
    return (cells.argmax(-1).cpu() == numbers.sort(1, descending=True).values).all(1).float().mean().item()


# ---------------------------------------------------------------------------------------------------- training

VALUES = 10  # of a cell: 0 to 9
LOOK = 10  # steps between two looks whether a net can do what it learns


@dataclass(frozen=True)
class Config:
    """Sizes, steps, and how long what is learned from is at most, and how long what it is tried on."""

    channels: int
    bits: int
    gpu_steps: int
    batch: int
    blur: float
    digits_far: int
    npi_steps: int
    blank_steps: int
    execute_steps: int = 0


def config(tier: str) -> Config:
    """A tier's recipe; chosen on other numbers than those that it is measured by."""
    if tier == "mini":
        return Config(24, 12, 500, 64, 1.0, 100, 1500, 60)
    return Config(24, 20, 800, 64, 1.0, 1000, 1500, 60, execute_steps=34_000)


def build(tier: str) -> nn.ModuleDict:
    """Untrained nets of a tier: "adds", "calls", "blank" and, at the full tier, "executes"."""
    nets: dict[str, nn.Module] = {
        "adds": NeuralGPU(config(tier).channels),
        "calls": NPI(64),
        "blank": Blank(),
    }
    if config(tier).execute_steps:
        nets["executes"] = Executor(64, 192, 1)
    return nn.ModuleDict(nets)


class Blank(nn.Module):
    """What is left open in the sketch: a table of scores, at first all 0."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(VALUES, VALUES))


def train(tier: str, seed: int, run: Run) -> dict[str, Tensor]:
    """A Neural GPU by a curriculum, a recursive NPI from traces of up to three digits, a blank from sorted lists."""
    nets, how = build(tier).to(run.device), config(tier)
    learn_to_add(nets["adds"], how, run)
    learn_to_call(nets["calls"], "recursive", 3, how.npi_steps, run)
    fill_blank(nets["blank"], how.blank_steps, run)
    if "executes" in nets:
        learn_to_execute(nets["executes"], "combined", 9, how.execute_steps, run)
    run.log(**shares(nets, tier))
    return {name: tensor.detach().contiguous() for name, tensor in nets.state_dict().items()}


def learn_to_add(net: nn.Module, how: Config, run: Run) -> None:
    """Sums of ever more bits, whenever the last were right; half of the batches are shorter than the longest."""
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, how.gpu_steps, pct_start=0.1)
    reached = nn.Parameter(torch.tensor(3.0), requires_grad=False)  # bits
    saved = {"net": net, "optimizer": optimizer, "schedule": schedule, "reached": nn.ParameterList([reached])}
    for step in run.steps(how.gpu_steps, saved, "adds"):
        draw = run.generator(f"adds {step}")
        first, second, more = torch.rand(3, generator=draw).tolist()
        longest = int(reached)
        length = longest if first < 0.5 else 1 + int(second * longest)
        bits, total = run.to(*binary_sums.draw(how.batch, length, draw))
        loss = F.cross_entropy(net(bits, int(more * (how.bits + 1)), how.blur), total)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        climb(reached, loss, how.bits, step)
        run.log(add_nats=loss)


def climb(level: Tensor, loss: Tensor, top: int, step: int) -> None:
    """One level more, in place, where the cost is small; it is looked at seldom, since a look waits for the device."""
    if step % LOOK == LOOK - 1 and loss.item() < 0.1:
        level.clamp_(max=top - 1).add_(1)


def traces(style: str, longest: int, count: int = 3000) -> tuple[Tensor, ...]:
    """All calls of random additions: programs (M,), seen (M, T, SEEN), and what is due, (M, T, 3), or -1.

    What is due is whether to return, what to call and with which argument; arguments are due for OUT alone.
    """
    rng, calls = random.Random(2016), []
    for n in range(count):
        places = 1 + n % longest
        calls += lessons(rng.randrange(10**places), rng.randrange(10**places), style, places)
    length = max(len(steps) for _, steps in calls)
    padded = [steps + [((0, 0, 0), -1, -1, -1)] * (length - len(steps)) for _, steps in calls]
    columns = torch.tensor([[column for column, *_ in steps] for steps in padded])
    due = torch.tensor([[wanted(*right) for _, *right in steps] for steps in padded])
    return torch.tensor([program for program, _ in calls]), one_hot(columns), due


def wanted(end: int, called: int, argument: int) -> tuple[int, int, int]:
    """What is due of a step: nothing but the end where a call ends, no argument where none is needed."""
    return end, -1 if end else called, argument if PROGRAMS[called] == "OUT" and not end else -1


def drawn(programs: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Numbers of calls, half of them of ADD1 where there are any: it has most to learn, all sums of two digits."""
    most = programs == PROGRAMS.index("ADD1")
    shares = torch.where(most, 1 / most.sum().clamp(min=1), 1 / (~most).sum())
    return torch.multinomial(shares, count, replacement=True, generator=generator)


def learn_to_call(net: nn.Module, style: str, longest: int, steps: int, run: Run) -> None:
    """Every step of every call is told what is due: whether to return, what to call, with which argument."""
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, steps, pct_start=0.1)
    saved = {"net": net, "optimizer": optimizer, "schedule": schedule}
    called, seen, due = traces(style, longest)  # the draw stays on the CPU: nothing waits for a GPU
    programs, seen, due = run.to(called, seen, due)
    for step in run.steps(steps, saved, f"calls {style}"):
        rows = drawn(called, 128, run.generator(f"calls {style} {step}")).to(run.device)
        state, loss = None, torch.zeros((), device=run.device)
        for t in range(seen.shape[1]):
            (end, *scores), state = net(seen[rows, t], programs[rows], state)
            returns, *others = due[rows, t].unbind(1)
            loss = loss + F.binary_cross_entropy(end, returns.clamp(min=0).float(), (returns >= 0).float())
            for one, right in zip(scores, others):
                loss = loss + F.cross_entropy(one, right, ignore_index=-1, reduction="sum") / len(rows)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        run.log(call_nats=loss)


def fill_blank(net: nn.Module, steps: int, run: Run) -> None:
    """Lists of two and three, unsorted and sorted; nothing says what the blank is to do."""
    optimizer = torch.optim.Adam(net.parameters(), 0.3)
    for step in run.steps(steps, {"net": net, "optimizer": optimizer}, "blank"):
        length = 2 + step % 2
        draw = run.generator(f"blank {step}")
        (numbers,) = run.to(torch.randint(1, VALUES, (64, length), generator=draw))
        cells, _ = bubbled(numbers, net.table, length - 1)
        right = cells.gather(2, numbers.sort(1, descending=True).values[..., None])
        loss = -right.clamp(min=1e-6).log().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        run.log(blank_nats=loss)


def learn_to_execute(net: nn.Module, strategy: str, top: int, steps: int, run: Run, kind: Any = None) -> None:
    """Programs (sums backwards, unless another kind is given) by a curriculum: a level more when the cost is small."""
    kind = kind or small_programs.backwards
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, steps, pct_start=0.03)
    reached = nn.Parameter(torch.tensor(1.0), requires_grad=False)
    saved = {"net": net, "optimizer": optimizer, "schedule": schedule, "reached": nn.ParameterList([reached])}
    for step in run.steps(steps, saved, f"executes {strategy}"):
        draw, rng = run.generator(f"levels {step}"), random.Random(f"{run.seed} {step}")
        level = int(reached)
        levels = curriculum(strategy, level, top, torch.rand(32, 2, generator=draw))
        codes, due = run.to(*small_programs.encode([kind(level, rng) for level in levels.tolist()]))
        with run.autocast():
            scores = net(codes[:, :-1])
        nats = F.cross_entropy(scores.float().mT, codes[:, 1:], reduction="none") * due
        loss = nats.sum() / due.sum()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        mine = due * (levels <= level).to(run.device)[:, None]  # can it do what it should be able to?
        climb(reached, (nats * mine).sum() / mine.sum().clamp(min=1), top, step)
        run.log(execute_nats=loss)


def shares(nets: Any, tier: str) -> dict[str, float]:
    """What is right of what each net computes, far beyond what it has learned from."""
    how = config(tier)
    found = {
        "adds": exact(nets["adds"], binary_sums.load(tier, "test")),
        "calls": sums_right(nets["calls"], how.digits_far),
        "blank": lists_sorted(nets["blank"].table.detach(), 8),
    }
    if "executes" in nets:
        found["executes"] = executed(nets["executes"], *small_programs.load(tier, "test").tensors)
    return found


def evaluate(tensors: dict[str, Tensor], tier: str, device: str = "cpu") -> float:
    """Share of long sums, of traces and of lists that come out without an error, the mean over the nets.

    Raises:
        RuntimeError: the tensors are not those of this tier's nets.
    """
    nets = build(tier)
    nets.load_state_dict(tensors)
    found = shares(nets.to(device).eval(), tier)
    return sum(found.values()) / len(found)


class Encoder(nn.Module):
    """A transformer that adds: at every place both bits and waves of the place; scores of its bit of the sum."""

    def __init__(self, d: int = 32, layers: int = 2):
        super().__init__()
        self.table = nn.Parameter(torch.randn(2, 2, d) / 2)
        layer = nn.TransformerEncoderLayer(d, 4, 2 * d, dropout=0.0, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.scores = nn.Linear(d, 2)

    def forward(self, bits: Tensor, more: int = 0, blur: float = 0.0) -> Tensor:
        """Bits (B, 2, L) to scores (B, 2, L); the number of its steps is fixed."""
        x = mental_image(bits, self.table).mT
        angles = torch.arange(x.shape[1])[:, None] / 10000 ** (
            torch.arange(x.shape[2] // 2) / (x.shape[2] // 2)
        )
        return self.scores(self.layers(x + torch.cat([angles.sin(), angles.cos()], dim=1).to(x))).mT


def baseline(tier: str) -> float:
    """A transformer on the same sums, an NPI that has learned flat traces for as long, a blank that nobody filled."""
    how, run = config(tier), Run("baseline", 0)
    encoder, flat = Encoder().to(run.device), NPI(64).to(run.device)
    learn_to_add(encoder, how, run)
    learn_to_call(flat, "flat", 3, how.npi_steps // 4, run)  # whose calls are four times as long
    found = shares({"adds": encoder.eval(), "calls": flat, "blank": Blank()}, tier)
    return sum(found.values()) / len(found)


if __name__ == "__main__":
    main(__spec__)
