"""Synthesis: nets that write programs. A search guided by attributes, a decoder that executes, and scenes by proposals.

Balog et al., "DeepCoder", arXiv:1611.01989; Devlin et al., "RobustFill", arXiv:1703.07469; the version spaces are those
of Gulwani, "Automating string processing in spreadsheets using input-output examples", POPL 2011.

Shapes: B problems, K examples of a problem, A attributes (operations of the list language), L numbers or letters that
are looked at, D numbers of an embedding, S steps (what has been written so far), E expressions of the string language;
N scenes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils.data import list_functions, string_language, sygus_strings
from course_utils.data.list_language import (
    EXAMPLES,
    LEAST,
    MOST,
    NAMES,
    OPERATIONS,
    Program,
    Value,
    arguments,
    checked,
    draw_lists,
    draw_program,
    kind,
)
from course_utils.data.string_language import (
    END,
    EXPRESSIONS,
    LETTERS,
    SHOWN,
    Text,
    corrupted,
    rewrite,
    rewritings,
)
from course_utils.training import Run, main

Example = tuple[list[Value], Value]  # inputs, and the output that is due


# ---------------------------------------------------------------------------------- a language of lists


def typed(program: Program, kinds: list[str]) -> list[str]:
    """The kinds of all values that a program has when it is done, without running it.

    Args:
        program: Lines `(name, place, ...)`; places count inputs and earlier results from 0.
        kinds: "int" or "list" for each input.

    Returns:
        The inputs' kinds, then those of the results.

    Raises:
        TypeError: an argument does not exist yet, is of another kind, or there are too many or too few.

    >>> typed((("sort", 0), ("head", 1)), ["list"])
    ['list', 'list', 'int']
    """
    kinds = list(kinds)
    for name, *places in program:
        takes = OPERATIONS[name].takes
        if not all(0 <= place < len(kinds) for place in places):
            raise TypeError(f"{name}: expected places from 0 to {len(kinds) - 1}, got {places}")
        got = tuple(kinds[place] for place in places)
        if got != takes:
            raise TypeError(f"{name}: expected {takes}, got {got}")
        kinds.append(OPERATIONS[name].gives)
    return kinds


def execute(program: Program, inputs: list[Value]) -> list[Value]:
    """All values that a program has when it is done: its inputs, then the result of each line; the last is its output.

    Raises:
        TypeError: the program is not well typed for these inputs; nothing was run.
        ValueError: a line has no answer, or one outside the language's range.

    >>> execute((("filter even", 0), ("map *2", 1), ("sum", 2)), [[3, 4, 6]])
    [[3, 4, 6], [4, 6], [8, 12], 20]
    """
    typed(program, [kind(value) for value in inputs])
    values = list(inputs)
    for name, *places in program:
        values.append(checked(OPERATIONS[name].do(*(values[place] for place in places))))
    return values


def informative(program: Program, inputs: list[list[Value]]) -> list[Value] | None:
    """The program's outputs on several inputs, or None where these would not make a good problem.

    They would not if the program fails on any of them, if all outputs are the same, or if two of its values (inputs
    or lines' results) equal each other on every input: then a shorter program does the same.
    """
    try:
        rows = [execute(program, given) for given in inputs]
    except ValueError:
        return None
    columns = list(zip(*rows))  # one for each value of the program
    outputs = list(columns[-1])
    repeated = any(column in columns[:n] for n, column in enumerate(columns))
    return None if repeated or all(output == outputs[0] for output in outputs) else outputs


def problems(rng: np.random.RandomState, lengths: tuple[int, ...]) -> Iterator[tuple[Program, list[Example]]]:
    """Programs whose outputs are informative on `EXAMPLES` inputs, without end."""
    while True:
        program = draw_program(rng, lengths[rng.randint(len(lengths))])
        inputs = draw_lists(rng, EXAMPLES)
        outputs = informative(program, inputs)
        if outputs is not None:
            yield program, list(zip(inputs, outputs))


# ------------------------------------------------------------------------------------------ attributes

SEEN = 10  # numbers of a list that the net looks at
CODES = 515  # nothing, 512 numbers, and the marks of a list and of a number


def codes(value: Value) -> list[int]:
    """A value as 1 + SEEN codes: 513 for a list or 514 for a number, then its numbers plus 257; 0 is nothing.

    A number that is out of the language's range, as in tasks of others, counts as the nearest in it.
    """
    numbers = [value] if isinstance(value, int) else value[:SEEN]
    shifted = [min(max(x, LEAST), MOST) + 257 for x in numbers]
    return [514 if isinstance(value, int) else 513, *shifted, *[0] * (SEEN - len(numbers))]


def coded(examples: list[Example]) -> Tensor:
    """Examples of one input each as codes (K, 2, 1 + SEEN), input and output."""
    return torch.tensor([[codes(inputs[-1]), codes(output)] for inputs, output in examples])


def properties() -> Tensor:
    """What is known of each code (CODES, 6): size, sign, parity, logarithm, multiple of 3, multiple of 4."""
    x = torch.arange(CODES) - 257.0
    known = [
        x / 16,
        x.sign(),
        2 * (x % 2) - 1,
        x.sign() * x.abs().log1p() / 2,
        1.0 * (x % 3 == 0),
        1.0 * (x % 4 == 0),
    ]
    numbers = ((x >= -256) & (x <= 255))[:, None]
    return (
        torch.stack(known, dim=1) * numbers
        + F.one_hot(torch.arange(CODES).clamp(min=511) - 511, 6) * ~numbers
    )


class AttributeNet(nn.Module):
    """Which operations does the program use? A feed-forward net of each example, and the mean over examples."""

    def __init__(self, d: int, hidden: int, attributes: int = len(NAMES)):
        super().__init__()
        self.embed = nn.Embedding(CODES, d)
        with torch.no_grad():
            self.embed.weight[:, :6] = properties()  # to begin with; they are learned like the others
        self.one = nn.Linear(2 * (1 + SEEN) * d, hidden)
        self.two = nn.Linear(hidden, hidden)
        self.three = nn.Linear(hidden, hidden)
        self.scores = nn.Linear(hidden, attributes)

    def forward(self, examples: Tensor) -> Tensor:
        """Codes (B, K, 2, 1 + SEEN), any K, to scores (B, A): above 0 where the operation is likely to be used.

        Each example passes three layers with ReLU; the mean over examples is scored, so that their order is all one.
        """
        h = self.embed(examples).flatten(2)  # (B, K, 2 (1 + SEEN) D)
        for layer in (self.one, self.two, self.three):
            h = layer(h).relu()
        return self.scores(h.mean(1))


def uses(program: Program) -> Tensor:
    """The attributes of a program (A,): 1 for each operation that it uses."""
    names = {name for name, *_ in program}
    return torch.tensor([float(name in names) for name in NAMES])


def likeliest(scores: Tensor) -> list[str]:
    """Operations by falling score (A,)."""
    return [NAMES[n] for n in scores.argsort(descending=True, stable=True).tolist()]


# ---------------------------------------------------------------------------------------------- search


def line_on(name: str, places: tuple[int, ...], rows: list[list[Value]]) -> list[Value] | None:
    """The results of one line on the values of every example, or None if it fails on one."""
    do = OPERATIONS[name].do
    try:
        return [checked(do(*(row[place] for place in places))) for row in rows]
    except ValueError:
        return None


def search(examples: list[Example], order: list[str], length: int, budget: int) -> tuple[Program | None, int]:
    """Depth-first search for a program that fits all examples: a line is tried, then all that can follow it.

    Operations are tried in the given order, arguments in that of `arguments`. The last line must give the output's
    kind. Each line that is run on the examples is a node; a line that fails on one is a node, too, and ends there.

    Args:
        length: Lines at most; a shorter program that fits is taken.
        budget: Nodes at most.

    Returns:
        The first program that fits, or None; and how many nodes it took.
    """
    due, nodes = [output for _, output in examples], 0

    def extend(program: Program, rows: list[list[Value]]) -> Program | None:
        nonlocal nodes
        kinds, last = [kind(value) for value in rows[0]], len(program) + 1 == length
        for name in order:
            if last and OPERATIONS[name].gives != kind(due[0]):
                continue
            for places in arguments(OPERATIONS[name].takes, kinds):
                if nodes == budget:
                    return None
                nodes += 1
                longer, results = (*program, (name, *places)), line_on(name, places, rows)
                if results == due:
                    return longer
                if results is None or last:
                    continue
                found = extend(longer, [[*row, result] for row, result in zip(rows, results)])
                if found is not None:
                    return found
        return None

    return extend((), [list(inputs) for inputs, _ in examples]), nodes


def sort_and_add(
    examples: list[Example], order: list[str], length: int, budget: int, step: int = 2
) -> tuple[Program | None, int]:
    """Search with the first `step` operations only; if that fails, with `step` more, and so on from the beginning.

    Returns:
        The first program that fits, or None; and the nodes of all searches together, `budget` at most.
    """
    nodes = 0
    for size in range(step, len(order) + step, step):
        found, taken = search(examples, order[:size], length, budget - nodes)
        nodes += taken
        if found is not None or nodes == budget:
            return found, nodes
    return None, nodes


# ------------------------------------------------------------------------------- strings: version spaces

Node = tuple[int, ...]  # how much of each example's output is written
Space = dict[tuple[Node, Node], set[str]]  # from where to where, and which expressions lead there


def version_space(text: str, output: str) -> Space:
    """All programs that make `output` of `text`, as a graph: every path from (0,) to (len(output),) is one.

    >>> version_space("a 1", "1") == {((0,), (1,)): {"number 1", "from space", "number -1"}}
    True
    """
    space: Space = {}
    for name, expression in EXPRESSIONS.items():
        piece = expression(text)
        for begin in range(len(output) if piece else 0):
            if output.startswith(piece, begin):
                space.setdefault(((begin,), (begin + len(piece),)), set()).add(name)
    return space


def intersect(one: Space, other: Space) -> Space:
    """The programs that are in both: a step in both graphs at once, by an expression that leads on in both.

    Nodes are joined: (3,) and (5,) become (3, 5). Edges by no expression are left out.
    """
    both: Space = {}
    for (a, b), names in one.items():
        for (c, d), others in other.items():
            if names & others:
                both[a + c, b + d] = names & others
    return both


def simplest(space: Space, goal: Node) -> string_language.Program | None:
    """A program of fewest expressions: a shortest path from (0, ..., 0) to `goal`, or None where there is none.

    Of several expressions that lead the same way the first in the language's table is taken.
    """
    leads: dict[Node, list[tuple[Node, str]]] = {}
    for (a, b), names in space.items():
        leads.setdefault(a, []).append((b, min(names, key=string_language.NAMES.index)))
    start = (0,) * len(goal)
    paths: dict[Node, string_language.Program] = {start: ()}
    queue = [start]
    for node in queue:  # it grows while it is walked through: breadth first
        if node == goal:
            return paths[node]
        for after, name in leads.get(node, []):
            if after not in paths:
                paths[after] = (*paths[node], name)
                queue.append(after)
    return None


def flash_fill(examples: list[Text]) -> string_language.Program | None:
    """The simplest program that fits every example, or None where no program does."""
    space = version_space(*examples[0])
    for example in examples[1:]:
        space = intersect(space, version_space(*example))
    return simplest(space, tuple(len(output) for _, output in examples))


# ---------------------------------------------------------------------------------- strings: a net writes

REST = 10  # letters of what remains to be written that are looked at


def letters(text: str | None, size: int) -> list[int]:
    """A text as `size` codes, 1 to 95 for the printable signs of ASCII; 0 behind its end, and all 0 for None."""
    found = [min(max(ord(sign) - 31, 1), 95) for sign in (text or "")[:size]]
    return found + [0] * (size - len(found))


def remains(program: string_language.Program, example: tuple[str, str | None]) -> str | None:
    """What of the output remains to be written when the program has run; None where it has written something else.

    Where the output is None itself, nothing can be right any more: None.

    >>> remains(("word 1", "const ,"), ("ada lovelace", "ada, l."))
    ' l.'
    """
    text, output = example
    made = rewrite(program, text)
    if output is None or made is None or not output.startswith(made):
        return None
    return output[len(made) :]


class Writer(nn.Module):
    """What comes next? It reads each input, looks there for what remains to be written, and asks all examples."""

    def __init__(self, d: int, hidden: int, expressions: int = END + 1):
        super().__init__()
        self.embed = nn.Embedding(96, d)
        self.reader = nn.GRU(d, hidden, batch_first=True, bidirectional=True)
        self.query = nn.Linear(REST * d, 2 * hidden)
        self.joint = nn.Linear(4 * hidden, 2 * hidden)
        self.scores = nn.Linear(2 * hidden, expressions)

    def read(self, texts: Tensor) -> Tensor:
        """Codes (B, K, LETTERS) of inputs to what the reader has seen at each letter, (B, K, LETTERS, 2 hidden)."""
        b, k, length = texts.shape
        return self.reader(self.embed(texts.flatten(0, 1)))[0].view(b, k, length, -1)

    def forward(self, seen: Tensor, rests: Tensor, there: Tensor) -> Tensor:
        """Scores of what comes next.

        Each rest asks with a query; attention over the letters of its own input, softmax(query · seen), gives a
        context; context and query, in this order, pass `joint` and tanh. Examples are pooled late: the maximum over
        those that are there. At least one of each step's examples is.

        Args:
            seen: Of `read`, (B, K, LETTERS, 2 hidden).
            rests: Codes (B, S, K, REST) of what remains to be written at each step.
            there: (B, S, K), False for an example that what is written contradicts.

        Returns:
            (B, S, E).
        """
        query = self.query(self.embed(rests).flatten(3))  # (B, S, K, 2 hidden)
        attention = torch.einsum("bskh,bklh->bskl", query, seen).softmax(-1)
        context = torch.einsum("bskl,bklh->bskh", attention, seen)
        h = self.joint(torch.cat([context, query], dim=-1)).tanh()
        h = h.masked_fill(~there[..., None], -torch.inf).amax(2)  # (B, S, 2 hidden)
        return self.scores(h)


Scores = Callable[[list[list[str | None]]], Tensor]


def beam(
    scores: Scores, examples: list[Text], width: int, longest: int, tolerated: int = 0
) -> string_language.Program | None:
    """Beam search that executes what it writes, and drops what the examples contradict.

    Args:
        scores: What remains to be written of each example, one list for each of H programs, to log-probabilities
            (H, E) of the expression that comes next; the last one, `END`, ends the program.
        width: Programs that are kept at each step.
        longest: Expressions at most.
        tolerated: Examples that a program may contradict.

    Returns:
        Of all programs that ended, and leave nothing to be written of all but `tolerated` examples: one that fits
        the most examples, and of these the likeliest. None where none ended.
    """
    kept = [(0.0, (), [output for _, output in examples])]  # log p, program, what remains of each output
    ended, least = [], len(examples) - tolerated
    for _ in range(longest + 1):
        log_p = scores([rests for _, _, rests in kept]).tolist()
        longer = []
        for (so_far, program, rests), row in zip(kept, log_p):
            if rests.count("") >= least:
                ended.append((rests.count(""), so_far + row[END], program))
            for name, p in zip(string_language.NAMES, row):
                after = [remains((name,), (text, rest)) for (text, _), rest in zip(examples, rests)]
                if len(program) < longest and len(after) - after.count(None) >= least:
                    longer.append((so_far + p, (*program, name), after))
        kept = sorted(longer, key=lambda one: one[0], reverse=True)[:width]
        if not kept:
            break
    return max(ended)[2] if ended else None


def writes(net: Writer, examples: list[Text]) -> Scores:
    """`scores` for `beam`, by a net that has read these examples."""
    device = net.embed.weight.device
    texts = torch.tensor([[letters(text, LETTERS) for text, _ in examples]], device=device)
    with torch.no_grad():
        seen = net.read(texts)

    @torch.no_grad()
    def scores(rests: list[list[str | None]]) -> Tensor:
        now = torch.tensor([[[letters(rest, REST) for rest in row] for row in rests]], device=device)
        there = torch.tensor([[[rest is not None for rest in row] for row in rests]], device=device)
        return net(seen, now, there)[0].log_softmax(-1).cpu()

    return scores


# ---------------------------------------------------------------------------------------------- scenes

SIDE = 20  # pixels
STEPS = (0.6, 0.6, 0.6, 0.6, 0.12)  # how far a change goes: pixels, and radians


def render(scenes: Tensor) -> Tensor:
    """Pictures (N, SIDE, SIDE), 1 inside a rectangle and 0 outside; no gradient goes through.

    Args:
        scenes: (N, 5): the centre's column and row, half the length, half the width, all in pixels, and the angle.
    """
    x, y, length, width, angle = (part[:, None, None] for part in scenes.unbind(1))
    rows, columns = torch.meshgrid(*2 * [torch.arange(SIDE, device=scenes.device)], indexing="ij")
    along = (columns - x) * angle.cos() + (rows - y) * angle.sin()
    across = (rows - y) * angle.cos() - (columns - x) * angle.sin()
    return ((along.abs() <= length) & (across.abs() <= width)).float()


def draw_scenes(count: int, generator: torch.Generator | None = None) -> Tensor:
    """Random scenes (N, 5): a rectangle that is longer than wide, near the middle or not."""
    u = torch.rand(count, 5, generator=generator)
    low, high = torch.tensor([4.0, 4.0, 4.0, 1.0, 0.0]), torch.tensor([15.0, 15.0, 8.0, 3.0, torch.pi])
    return low + u * (high - low)


class Proposals(nn.Module):
    """A net that looks at a picture and says which scene it may be of."""

    def __init__(self, hidden: int):
        super().__init__()
        self.one = nn.Linear(SIDE * SIDE, hidden)
        self.two = nn.Linear(hidden, hidden)
        self.scene = nn.Linear(hidden, 6)

    def features(self, pictures: Tensor) -> Tensor:
        """Pictures (N, SIDE, SIDE) to features (N, hidden)."""
        return self.two(self.one(pictures.flatten(1)).relu()).relu()

    def raw(self, pictures: Tensor) -> Tensor:
        """(N, 6): the first four numbers of a scene, scaled, then cosine and sine of twice the angle."""
        return self.scene(self.features(pictures))

    def forward(self, pictures: Tensor) -> Tensor:
        """Scenes (N, 5)."""
        raw = self.raw(pictures)
        angle = torch.atan2(raw[:, 5], raw[:, 4]) / 2
        return torch.cat([10 * raw[:, :4], angle[:, None] % torch.pi], dim=1)


def as_raw(scenes: Tensor) -> Tensor:
    """What `Proposals.raw` should give for scenes: half a turn changes nothing, so the angle is doubled."""
    twice = 2 * scenes[:, 4:]
    return torch.cat([scenes[:, :4] / 10, twice.cos(), twice.sin()], dim=1)


def explain(
    start: Tensor, score: Callable[[Tensor], Tensor], propose: Callable[[Tensor], Tensor], chance: Tensor
) -> tuple[Tensor, Tensor]:
    """Metropolis' search for a scene: change it a little, keep the change if it matches better, or by luck.

    Args:
        start: N scenes (N, P), each the beginning of a chain of its own.
        score: How well scenes match, (N,): the logarithm of a probability, up to a constant.
        propose: Scenes to changed scenes (N, P); no change is likelier than its contrary.
        chance: (T, N), uniform from 0 to 1: at step t the change of chain n is kept if this is less than
            exp(its score - the score before).

    Returns:
        The scene (P,) with the best score that any chain has ever been at, and this score, a tensor ().
    """
    scenes, scored = start, score(start)
    best, best_score = scenes[scored.argmax()], scored.max()
    for lucky in chance:
        changed = propose(scenes)
        found = score(changed)
        keep = lucky < (found - scored).exp()
        scenes, scored = torch.where(keep[:, None], changed, scenes), torch.where(keep, found, scored)
        if scored.max() > best_score:
            best, best_score = scenes[scored.argmax()], scored.max()
    return best, best_score


def jitter(scenes: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Scenes, each changed a little in one of its numbers."""
    which = F.one_hot(torch.randint(5, (len(scenes),), generator=generator), 5)
    return scenes + which * torch.randn(scenes.shape, generator=generator) * torch.tensor(STEPS)


# -------------------------------------------------------------------------------------------- training


@dataclass(frozen=True)
class Config:
    """Nets, their problems and steps; and how programs are looked for."""

    d: int
    hidden: int
    lengths: tuple[int, ...]  # lines of list programs
    list_problems: int
    list_steps: int
    letters_d: int
    reader: int  # numbers that the reader has in either direction
    longest: int  # expressions of string programs
    string_problems: int
    string_steps: int
    scene_hidden: int
    scene_steps: int
    budget: int  # nodes of a search
    width: int  # of the beam


def config(tier: str) -> Config:
    """A tier's recipe; chosen on validation problems."""
    if tier == "mini":
        return Config(12, 128, (2, 3, 3), 15000, 1000, 16, 32, 4, 3000, 150, 96, 300, 2000, 4)
    return Config(20, 256, (1, 2, 3, 4, 4), 60000, 8000, 32, 64, 8, 20000, 2000, 256, 2000, 10000, 20)


def load_lists(tier: str, seed: int = 0) -> TensorDataset:
    """Problems to learn attributes from: codes (P, K, 2, 1 + SEEN) and attributes (P, A)."""
    how = config(tier)
    drawn = problems(np.random.RandomState([seed, 1611]), how.lengths)
    rows = [(coded(examples), uses(program)) for program, examples in islice(drawn, how.list_problems)]
    return TensorDataset(*(torch.stack(part) for part in zip(*rows)))


def load_strings(tier: str, seed: int = 0) -> TensorDataset:
    """Programs to learn to write: what the net sees after each expression, and the expression that is due then.

    Half of the problems have a corrupted example.

    Returns:
        Texts (P, K, LETTERS), rests (P, S, K, REST), whether examples are there (P, S, K) and codes of expressions
        (P, S), -100 behind the end of a program.
    """
    rng = np.random.RandomState([seed, 1703])
    how = config(tier)
    rows = [as_steps(*one, how.longest) for one in islice(noisy(rng, how.longest), how.string_problems)]
    return TensorDataset(*(torch.stack(part) for part in zip(*rows)))


def noisy(rng: np.random.RandomState, longest: int) -> Iterator[tuple[string_language.Program, list[Text]]]:
    """Programs with `SHOWN` examples; in every other one an example is corrupted."""
    for n, (program, examples) in enumerate(rewritings(rng, SHOWN, longest)):
        yield program, one_wrong(rng, examples) if n % 2 else examples


def one_wrong(rng: np.random.RandomState, examples: list[Text]) -> list[Text]:
    """The examples with a typing mistake in the output of one of them."""
    which = rng.randint(len(examples))
    return [(t, corrupted(rng, output) if n == which else output) for n, (t, output) in enumerate(examples)]


def as_steps(program: string_language.Program, examples: list[Text], longest: int) -> tuple[Tensor, ...]:
    """A program's rows for `load_strings`, one step for each expression and one for the end."""
    due = [*map(string_language.NAMES.index, program), END]
    left = [[remains(program[:n], example) for example in examples] for n in range(len(due))]
    left += [left[-1]] * (longest + 1 - len(left))
    return (
        torch.tensor([letters(text, LETTERS) for text, _ in examples], dtype=torch.uint8),
        torch.tensor([[letters(rest, REST) for rest in row] for row in left], dtype=torch.uint8),
        torch.tensor([[rest is not None for rest in row] for row in left]),
        torch.tensor(due + [-100] * (longest + 1 - len(due))),
    )


def build(tier: str) -> nn.ModuleDict:
    """Untrained nets of a tier: "attributes", "writer" and "proposals"."""
    how = config(tier)
    return nn.ModuleDict(
        {
            "attributes": AttributeNet(how.d, how.hidden),
            "writer": Writer(how.letters_d, how.reader),
            "proposals": Proposals(how.scene_hidden),
        }
    )


def train(tier: str, seed: int, run: Run) -> dict[str, Tensor]:
    """Train all three nets. Returns their weights."""
    how, nets = config(tier), build(tier).to(run.device)
    learn_attributes(nets["attributes"], load_lists(tier, seed), how, run)
    learn_to_write(nets["writer"], load_strings(tier, seed), how, run)
    learn_scenes(nets["proposals"], how, run)
    return {name: tensor.detach().contiguous() for name, tensor in nets.state_dict().items()}


def fitted(net: nn.Module, rate: float, steps: int) -> tuple[dict[str, object], Callable[[Tensor], None]]:
    """What a training of so many steps has to save, and its step on a loss."""
    optimizer = torch.optim.Adam(net.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps, pct_start=0.1)

    def step(loss: Tensor) -> None:
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()

    return {"net": net, "optimizer": optimizer, "schedule": schedule}, step


def learn_attributes(net: nn.Module, data: TensorDataset, how: Config, run: Run) -> None:
    """Each attribute by itself: is it used or not?"""
    saved, step = fitted(net, 3e-3, how.list_steps)
    for examples, due in run.batches(data, 128, how.list_steps, saved, "attributes"):
        loss = F.binary_cross_entropy_with_logits(net(examples), due)
        step(loss)
        run.log(attribute_nats=loss)


def learn_to_write(net: nn.Module, data: TensorDataset, how: Config, run: Run) -> None:
    """The next expression, whatever has been written of the program."""
    saved, step = fitted(net, 5e-3, how.string_steps)
    for texts, rests, there, due in run.batches(data, 64, how.string_steps, saved, "writes"):
        scores = net(net.read(texts.long()), rests.long(), there)
        loss = F.cross_entropy(scores.flatten(0, 1), due.flatten(), ignore_index=-100)
        step(loss)
        run.log(expression_nats=loss)


def learn_scenes(net: nn.Module, how: Config, run: Run) -> None:
    """Scenes are drawn and rendered; the net is to say which scene a picture is of."""
    saved, step = fitted(net, 3e-3, how.scene_steps)
    for n in run.steps(how.scene_steps, saved, "proposes"):
        (scenes,) = run.to(draw_scenes(128, run.generator(f"scenes {n}")))
        loss = F.mse_loss(net.raw(render(scenes)), as_raw(scenes))
        step(loss)
        run.log(scene_error=loss)


# ------------------------------------------------------------------------------------------- evaluation

HELD_OUT = 4  # examples of a string problem by which a program is judged
TESTS = 100  # problems of each kind that are not learned from
LINES = 3  # of the list programs among them


@cache
def list_tests(tier: str) -> list[list[Example]]:
    """Held-out list problems: drawn (mini), or the real functions, with `EXAMPLES` examples each (full)."""
    if tier == "mini":
        drawn = problems(np.random.RandomState(2017), (LINES,))
        return [examples for _, examples in islice(drawn, TESTS)]
    tasks = list_functions.load(tier, "test").values()
    return [[([given], due) for given, due in examples[:EXAMPLES]] for examples in tasks]


@cache
def string_tests(tier: str, corrupt: bool) -> list[tuple[list[Text], list[Text]]]:
    """Held-out string problems, shown and held-out examples; on demand one of those shown is corrupted."""
    rng = np.random.RandomState(2018)
    if tier == "mini":
        tasks = [examples for _, examples in islice(rewritings(rng, SHOWN + HELD_OUT), TESTS)]
    else:
        tasks = list(sygus_strings.load(tier, "test").values())
    shown = [one_wrong(rng, task[:SHOWN]) if corrupt else task[:SHOWN] for task in tasks]
    return [(one, task[SHOWN:]) for one, task in zip(shown, tasks)]


def guided(net: AttributeNet, examples: list[Example]) -> list[str]:
    """Operations, the likeliest for these examples first."""
    with torch.no_grad():
        return likeliest(net(coded(examples)[None].to(net.embed.weight.device))[0].cpu())


def unguided(seed: int) -> list[str]:
    """Operations in a random order."""
    return [NAMES[n] for n in np.random.RandomState(seed).permutation(len(NAMES))]


def lines_of(tier: str) -> int:
    """How long list programs may be that are looked for."""
    return max(config(tier).lengths)


def nodes_taken(order: Callable[[int, list[Example]], list[str]], tier: str, budget: int) -> list[float]:
    """For each held-out list problem the nodes until a program was found, or infinity."""
    taken = []
    for n, examples in enumerate(list_tests(tier)):
        found, nodes = search(examples, order(n, examples), lines_of(tier), budget)
        taken.append(float("inf") if found is None else float(nodes))
    return taken


def generalises(program: string_language.Program | None, held_out: list[Text]) -> bool:
    """Whether a program gives exactly what is due on examples that it has not seen."""
    return program is not None and all(rewrite(program, t) == due for t, due in held_out)


def rewritten(
    learn: Callable[[list[Text]], string_language.Program | None], tier: str, corrupt: bool
) -> float:
    """Share of held-out string problems for which `learn` gives a program that generalises."""
    tests = string_tests(tier, corrupt)
    return sum(generalises(learn(shown), held_out) for shown, held_out in tests) / len(tests)


def by_net(
    net: Writer, how: Config, tolerated: int
) -> Callable[[list[Text]], string_language.Program | None]:
    """Learning from examples: a beam search that a writer guides."""
    return lambda shown: beam(writes(net, shown), shown, how.width, how.longest, tolerated)


def share(taken: list[float], budget: int) -> float:
    """Share of searches that took `budget` nodes at most."""
    return sum(nodes <= budget for nodes in taken) / len(taken)


def evaluate(tensors: dict[str, Tensor], tier: str, device: str = "cpu") -> float:
    """Share of held-out programs found: the mean of lists within the budget, and strings with one example corrupted.

    Raises:
        RuntimeError: the tensors are not those of this tier's nets.
    """
    how, nets = config(tier), build(tier)
    nets.load_state_dict(tensors)
    nets.to(device).eval()
    lists = share(
        nodes_taken(lambda _, examples: guided(nets["attributes"], examples), tier, how.budget), how.budget
    )
    return (lists + rewritten(by_net(nets["writer"], how, 1), tier, corrupt=True)) / 2


def baseline(tier: str) -> float:
    """The same by search in a random order, and by version spaces."""
    budget = config(tier).budget
    lists = share(nodes_taken(lambda n, _: unguided(n), tier, budget), budget)
    return (lists + rewritten(flash_fill, tier, corrupt=True)) / 2


if __name__ == "__main__":
    main(__spec__)
