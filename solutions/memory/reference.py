"""Memory: two RNNs that read a story and a question, a memory that is read in hops, and a tape that is written on.

Sukhbaatar et al., "End-to-end memory networks", arXiv:1503.08895; Graves et al., "Neural Turing machines",
arXiv:1410.5401; the tasks are those of Weston et al., "Towards AI-complete question answering", arXiv:1502.05698.

Shapes: B stories, M memories (sentences) of a story, S different sentences, J words of a sentence, V words that are
known, D numbers of an embedding, K hops; N slots of a tape, W numbers in a slot, T steps. Code 0 is no word, and
sentence 0 is empty.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils.data import babi
from course_utils.data.babi import Stories
from course_utils.training import Paper, Run, main

PAPER = {
    "full": Paper(
        0.876,
        "sukhbaatar2015",
        system="MemN2N, three hops, trained jointly",
        data="same tasks, best of restarts",
    )
}


# ----------------------------------------------------------------------------------------------- sentences


def position_encoding(words: int, d: int) -> Tensor:
    """How much each word counts in each number of its sentence's vector (Sukhbaatar et al., section 4.1).

    Returns:
        (J, D): at word j and number k, counted from 1, (1 - j/J) - (k/D) (1 - 2 j/J).

    >>> position_encoding(2, 2)
    tensor([[0.5000, 0.5000],
            [0.5000, 1.0000]])
    """
    j = torch.arange(1, words + 1)[:, None] / words
    k = torch.arange(1, d + 1) / d
    return (1 - j) - k * (1 - 2 * j)


def encode(sentences: Tensor, table: Tensor, weights: Tensor) -> Tensor:
    """Sentences as vectors: the sum of their words' embeddings, each number weighted by place.

    Args:
        sentences: Codes (..., J); 0 is no word and adds nothing.
        table: (V, D).
        weights: (J, D).

    Returns:
        (..., D). Gradients flow to the table.

    >>> encode(torch.tensor([1, 0]), torch.tensor([[5.0], [7.0]]), torch.tensor([[2.0], [3.0]]))
    tensor([14.])
    """
    words = table[sentences] * (sentences > 0)[..., None]  # (..., J, D)
    return (words * weights).sum(-2)


# ------------------------------------------------------------------------------------------------ two RNNs

Cell = Callable[
    [Tensor, Tensor], Tensor
]  # what is read (B, D) and the state before (B, H) to the state after


def last_state(cell: Cell, xs: Tensor, there: Tensor, h: Tensor) -> Tensor:
    """The state of a recurrent net behind a text some of whose places are empty: there the state stays as it is.

    Args:
        cell: `cell(x, h)` gives the next state.
        xs: What stands at each place (B, L, D).
        there: (B, L), False where nothing does.
        h: The state before the first place (B, H).

    Returns:
        (B, H). Gradients flow to xs and h, and to what the cell is made of.
    """
    for x, read in zip(xs.unbind(1), there.unbind(1)):
        h = torch.where(read[:, None], cell(x, h), h)
    return h


class TwoRNNs(nn.Module):
    """One RNN reads the story, another the question; their last states side by side score the answer."""

    def __init__(self, words: int, d: int, hidden: int):
        super().__init__()
        self.of_story, self.of_question = nn.Embedding(words, d), nn.Embedding(words, d)
        self.story_cell, self.question_cell = nn.GRUCell(d, hidden), nn.GRUCell(d, hidden)
        self.scores = nn.Linear(2 * hidden, words)

    def forward(self, sentences: Tensor, story: Tensor, question: Tensor) -> Tensor:
        """Sentences (S, J), stories (B, M) and questions (B,) by number, to scores (B, V) of words."""
        told, asked = sentences[story].flatten(1), sentences[question]  # (B, M J), (B, J)
        start = torch.zeros(len(told), self.story_cell.hidden_size, device=told.device)
        s = last_state(self.story_cell, self.of_story(told), told > 0, start)
        q = last_state(self.question_cell, self.of_question(asked), asked > 0, start)
        return self.scores(torch.cat([s, q], dim=1))


# -------------------------------------------------------------------------------------------------- memory


def hop(u: Tensor, m: Tensor, c: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
    """Look once into a memory: p = softmax(u · m), o = the sum of p c; the question becomes u + o.

    Args:
        u: What is asked (B, D).
        m: What memories are found by (B, M, D).
        c: What they say (B, M, D).
        there: (B, M), False where a memory is empty: it gets no attention. At least one of a row is there.

    Returns:
        u + o (B, D) and the attention p (B, M). Gradients flow to u, m and c.
    """
    scores = (m @ u[..., None])[..., 0]  # (B, M)
    p = scores.masked_fill(~there, -torch.inf).softmax(-1)
    return u + (p[:, None] @ c)[:, 0], p


def answer(
    sentences: Tensor, story: Tensor, question: Tensor, tables: Tensor, times: Tensor
) -> tuple[Tensor, Tensor]:
    """An end-to-end memory network with K hops and adjacent weights.

    Table k makes of a sentence what it is found by at hop k, table k + 1 what it says there; to both is added that
    of `times` for its place. The first table also encodes the question, the last one scores words: its rows · u.

    Args:
        sentences: Codes (S, J).
        story: Numbers of sentences (B, M), 0 where there is none.
        question: Numbers of sentences (B,).
        tables: (K + 1, V, D).
        times: (K + 1, M, D).

    Returns:
        Scores (B, V) and the attention of each hop (B, K, M). Gradients flow to tables and times.
    """
    weights = position_encoding(sentences.shape[-1], tables.shape[-1]).to(tables)
    vectors = [encode(sentences, table, weights) for table in tables]  # (S, D) each
    memories = [v[story] + time for v, time in zip(vectors, times)]  # (B, M, D) each
    u, looked = vectors[0][question], []
    for m, c in pairwise(memories):
        u, p = hop(u, m, c, story > 0)
        looked.append(p)
    return u @ tables[-1].T, torch.stack(looked, dim=1)


class MemN2N(nn.Module):
    """The weights of `answer`."""

    def __init__(self, words: int, memories: int, d: int, hops: int):
        super().__init__()
        self.tables = nn.Parameter(0.1 * torch.randn(hops + 1, words, d))
        self.times = nn.Parameter(0.1 * torch.randn(hops + 1, memories, d))

    def forward(self, sentences: Tensor, story: Tensor, question: Tensor) -> Tensor:
        """Scores (B, V) of words."""
        return answer(sentences, story, question, self.tables, self.times)[0]


def vectors(sentences: Tensor, tables: Tensor) -> Tensor:
    """What `encode` makes of sentences with each of several tables, from two sums over the words that are there.

    The weight of word j at number k is a_j + k b_j / D, with a_j = 1 - j/J and b_j = 2 j/J - 1.

    Args:
        sentences: Codes (N, J).
        tables: (K + 1, V, D).

    Returns:
        (N, K + 1, D). Gradients flow to the tables.
    """
    count, d = tables.shape[0], tables.shape[-1]
    j = torch.arange(1, sentences.shape[1] + 1, device=tables.device) / sentences.shape[1]
    k = torch.arange(1, d + 1, device=tables.device) / d
    table = tables.transpose(0, 1).flatten(1)  # (V, (K + 1) D)
    a, b = (weighted(sentences, table, w).unflatten(1, (count, d)) for w in (1 - j, 2 * j - 1))
    return a + k * b


def weighted(sentences: Tensor, table: Tensor, w: Tensor) -> Tensor:
    """Sums (N, D) of sentences' (N, J) rows of a table (V, D), weighted by place (J,); code 0 costs nothing."""
    w = w.expand(sentences.shape).contiguous()
    return F.embedding_bag(sentences, table, mode="sum", per_sample_weights=w, padding_idx=0)


def quick_answer(net: MemN2N, sentences: Tensor, story: Tensor, question: Tensor, linear: bool) -> Tensor:
    """The scores of `answer` from the sentences of these stories alone.

    The net's tables count twice in what sentences say, as in the program of the paper's authors.

    Args:
        net: Its tables (K + 1, V, D) and times (K + 1, M, D).
        sentences, story, question: As for `answer`.
        linear: Whether hops are without softmax: what matches well says much.

    Returns:
        (B, V): half of what `answer` finds with tables that are twice as large. Gradients flow to the net.
    """
    (b, m), there = story.shape, story > 0
    read = 2 * vectors(sentences[torch.cat([story.flatten(), question])], net.tables)  # (B M + B, K + 1, D)
    memories, u = read[: b * m].unflatten(0, (b, m)) + net.times.transpose(0, 1), read[b * m :, 0]
    for key, value in pairwise(memories.unbind(2)):  # (B, M, D) each
        scores = (key @ u[..., None])[..., 0]  # (B, M)
        p = scores * there if linear else scores.masked_fill(~there, -torch.inf).softmax(-1)
        u = u + (p[:, None] @ value)[:, 0]
    return u @ net.tables[-1].T


# ---------------------------------------------------------------------------------------------------- tape


def content(memory: Tensor, key: Tensor, strength: Tensor) -> Tensor:
    """Look for what is like a key: softmax(strength · cosine of key and slot) (Graves et al., equations 5 and 6).

    Args:
        memory: (B, N, W), no slot and no key of length 0.
        key: (B, W).
        strength: (B,), more than 0.

    Returns:
        (B, N), each row adding up to 1. Gradients flow to all three.
    """
    alike = F.cosine_similarity(memory, key[:, None], dim=-1)  # (B, N)
    return (strength[:, None] * alike).softmax(-1)


def shift(w: Tensor, s: Tensor) -> Tensor:
    """Move attention along a ring of slots (Graves et al., equation 8).

    Args:
        w: Attention (B, N), N at least 3.
        s: (B, 3): how much of it goes one slot back, stays, goes one slot on. Behind the last slot lies the first.

    Returns:
        (B, N). Gradients flow to both.

    >>> shift(torch.tensor([[1.0, 0.0, 0.0, 0.0]]), torch.tensor([[0.25, 0.5, 0.25]]))
    tensor([[0.5000, 0.2500, 0.0000, 0.2500]])
    """
    return s[:, :1] * w.roll(-1, 1) + s[:, 1:2] * w + s[:, 2:] * w.roll(1, 1)


def sharpen(w: Tensor, gamma: Tensor) -> Tensor:
    """Make the strong stronger: w to the power gamma, over its sum (Graves et al., equation 9).

    Args:
        w: Attention (B, N), nowhere negative, each row adding up to 1.
        gamma: (B,), at least 1.

    Returns:
        (B, N), each row adding up to 1. Gradients flow to both; they are finite where w is 0.

    >>> sharpen(torch.tensor([[0.25, 0.75]]), torch.tensor([2.0]))
    tensor([[0.1000, 0.9000]])
    """
    power = w.clamp(min=1e-8) ** gamma[:, None]
    return power / power.sum(1, keepdim=True)


def write(memory: Tensor, w: Tensor, erase: Tensor, add: Tensor) -> Tensor:
    """Erase, then add, as much as attention says (Graves et al., equations 3 and 4).

    Args:
        memory: (B, N, W).
        w: Attention (B, N).
        erase: (B, W), from 0 to 1.
        add: (B, W).

    Returns:
        (B, N, W): memory · (1 - w erase) + w add, a new tensor. Gradients flow to all four.
    """
    w = w[..., None]
    return memory * (1 - w * erase[:, None]) + w * add[:, None]


def tape(shifts: Tensor, gammas: Tensor, erase: Tensor, add: Tensor, slots: int) -> Tensor:
    """Run two heads along an empty tape; both begin at slot 0.

    At each step a head's attention is shifted and then sharpened, the first head's and the second's; the first writes;
    then the second reads the sum of all slots weighted by its attention.

    Args:
        shifts: (B, T, 2, 3), at each step for each head.
        gammas: (B, T, 2).
        erase, add: (B, T, W), what the first head writes.
        slots: N, at least 3.

    Returns:
        What the second head reads at each step, (B, T, W). Gradients flow to all but `slots`.
    """
    b, t, width = erase.shape
    memory = erase.new_zeros(b, slots, width)
    writer = F.one_hot(torch.zeros(b, dtype=torch.long, device=erase.device), slots).to(erase)
    reader, reads = writer, []
    for n in range(t):
        writer = sharpen(shift(writer, shifts[:, n, 0]), gammas[:, n, 0])
        reader = sharpen(shift(reader, shifts[:, n, 1]), gammas[:, n, 1])
        memory = write(memory, writer, erase[:, n], add[:, n])
        reads.append((reader[:, None] @ memory)[:, 0])
    return torch.stack(reads, dim=1)


class CopyMachine(nn.Module):
    """A controller of one linear layer, without a state of its own, and a tape of as many slots as one likes."""

    def __init__(self, bits: int, width: int):
        super().__init__()
        self.controller = nn.Linear(bits + 2, 6 + 2 + 2 * width)
        self.bits = nn.Linear(width, bits)
        with torch.no_grad():
            self.controller.bias[2] += INCLINED  # the writing head is inclined to go on,
            self.controller.bias[4] += INCLINED  # the reading head to stay,
            self.controller.bias[6:8] += 1.0  # and attention is rather sharp

    def controls(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Inputs (B, T, bits + 2) to shifts, gammas, erase and add of `tape`."""
        width = self.bits.in_features
        shifts, gammas, erase, add = self.controller(x).split([6, 2, width, width], dim=-1)
        shifts = shifts.unflatten(-1, (2, 3)).softmax(-1)
        return shifts, 1 + F.softplus(gammas), erase.sigmoid(), add.tanh()

    def forward(self, x: Tensor, slots: int) -> tuple[Tensor, Tensor]:
        """Scores of the bits (B, T, bits), above 0 for 1; and the shifts (B, T, 2, 3)."""
        controls = self.controls(x)
        return self.bits(tape(*controls, slots)), controls[0]


class QuickCopyMachine(CopyMachine):
    """The same machine in fewer operations: no head looks at the tape, so attention is found beforehand."""

    def forward(self, x: Tensor, slots: int) -> tuple[Tensor, Tensor]:
        """As of `CopyMachine`."""
        shifts, gammas, erase, add = self.controls(x)
        writer, reader = attention_of_heads(shifts, gammas, slots).unbind(2)  # (B, T, N) each
        kept, added = 1 - writer[..., None] * erase[:, :, None], writer[..., None] * add[:, :, None]
        memory, written = torch.zeros_like(added[:, 0]), []
        for keep, put in zip(kept.unbind(1), added.unbind(1)):  # (B, N, W) each
            memory = torch.addcmul(put, keep, memory)
            written.append(memory)
        reads = (reader[:, :, None] @ torch.stack(written, dim=1))[:, :, 0]
        return self.bits(reads), shifts


def attention_of_heads(shifts: Tensor, gammas: Tensor, slots: int) -> Tensor:
    """Where the two heads of `tape` look at each step, (B, T, 2, N): both at once, each shift as a matrix.

    Args:
        shifts, gammas, slots: As for `tape`. Gradients flow to the first two.
    """
    ring = torch.eye(slots, device=shifts.device)
    around = torch.stack([ring.roll(n, 1) for n in (1, 0, -1)])  # one slot back, stay, one slot on
    turns = (shifts @ around.flatten(1)).unflatten(-1, (slots, slots))  # (B, T, 2, N, N)
    w, found = ring[0].expand(len(shifts), 2, slots), []
    for turn, gamma in zip(turns.unbind(1), gammas[..., None].unbind(1)):
        w = (gamma * ((turn @ w[..., None])[..., 0] + 1e-8).log()).softmax(-1)  # `sharpen`
        found.append(w)
    return torch.stack(found, dim=1)


def to_copy(
    count: int, length: int, bits: int, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Rows of random bits, and what the machine is shown: the bits, a mark, then nothing for as long.

    Returns:
        Inputs (count, 2 length + 1, bits + 2): bits, whether this is the mark, whether the mark has been seen; and
        the bits (count, length, bits), which are due behind the mark.
    """
    rows = torch.randint(2, (count, length, bits), generator=generator).float()
    x = torch.zeros(count, 2 * length + 1, bits + 2)
    x[:, :length, :bits], x[:, length, bits], x[:, length:, bits + 1] = rows, 1, 1
    return x, rows


# ------------------------------------------------------------------------------------------------ training

BITS, WIDTH = 4, 6  # of a row to be copied, and of a slot
TRIES = 8  # beginnings of a copy machine, at most
INCLINED = 1.0  # what scores of a head's first habit begin with


@dataclass(frozen=True)
class Config:
    """The memory network and its training; how long rows are at most while copying is learned, and for how long."""

    d: int
    hops: int
    batch: int
    steps: int
    rate: float
    blanks: float  # share of empty memories that are strewn into stories, so that places vary
    longest: int
    copy_steps: int


def config(tier: str) -> Config:
    """A tier's recipe; chosen on validation questions."""
    if tier == "mini":
        return Config(d=20, hops=3, batch=128, steps=700, rate=1e-2, blanks=0.0, longest=6, copy_steps=300)
    return Config(d=50, hops=3, batch=256, steps=4000, rate=5e-3, blanks=0.1, longest=20, copy_steps=1500)


# How the full tier's record is trained: for LINEAR steps without softmax, then as this says.
PUBLISHED, LINEAR = replace(config("full"), batch=32, steps=22480), 11240


def load(tier: str, split: str) -> Stories:
    """The tier's questions about stories; at the full tier nothing is the first thing that is told."""
    stories = babi.load(tier, split)
    return stories if tier == "mini" else with_nothing(stories)


def with_nothing(stories: Stories) -> Stories:
    """Each story with one more memory in front: a sentence without words, to look at where there is nothing to find."""
    sentences = F.pad(stories.sentences, (0, 0, 0, 1))
    return replace(
        stories, sentences=sentences, story=F.pad(stories.story, (1, 0), value=len(stories.sentences))
    )


def build(tier: str, stories: Stories) -> nn.ModuleDict:
    """Untrained nets of a tier: "answers" and "copies"."""
    how = config(tier)
    answers = MemN2N(len(stories.words), stories.story.shape[1], how.d, how.hops)
    return nn.ModuleDict({"answers": answers, "copies": CopyMachine(BITS, WIDTH)})


def strewn(story: Tensor, blanks: float) -> Tensor:
    """Stories (B, M) with empty memories strewn in between; the first stays, what is pushed there is forgotten."""
    told = story[:, 1:]
    steps = torch.ones_like(told) + (torch.rand(told.shape, device=told.device) < blanks)
    place = told.shape[1] - steps.flip(1).cumsum(1).flip(1)  # later sentences keep to the end
    result = torch.zeros_like(story).scatter(1, place.clamp(min=-1) + 1, told)
    return torch.cat([story[:, :1], result[:, 1:]], dim=1)


def train(tier: str, seed: int, run: Run) -> dict[str, Tensor]:
    """A memory network of three hops, one for all tasks; and a tape whose controller learns to copy."""
    stories, how = load(tier, "train"), config(tier)
    nets = build(tier, stories).to(run.device)
    answers = nets["answers"]
    assert isinstance(answers, MemN2N)
    if tier == "mini":
        learn_to_answer(answers, stories, how, run)
        learn_to_copy(nets["copies"], how, run)
    else:
        learn_as_published(answers, stories, PUBLISHED, LINEAR, run)
        quick = QuickCopyMachine(BITS, WIDTH).to(run.device)
        learn_to_copy(quick, how, run)
        nets["copies"].load_state_dict(quick.state_dict())
    measured = right(answers.eval(), load(tier, "val"))
    for task, share in enumerate(measured):
        run.log(**{f"validation_task_{task + 1}": share})
    run.log(bits_wrong_far=bits_wrong(nets["copies"], far(tier)))
    return {name: tensor.detach().contiguous() for name, tensor in nets.state_dict().items()}


def learn_to_answer(net: nn.Module, stories: Stories, how: Config, run: Run, phase: str = "answers") -> None:
    """Train a net that scores words, given sentences, stories and questions."""
    optimizer = torch.optim.Adam(net.parameters(), how.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, how.rate, how.steps, pct_start=0.1)
    saved = {"net": net, "optimizer": optimizer, "schedule": schedule}
    sentences = stories.sentences.to(run.device)
    data = TensorDataset(stories.story, stories.question, stories.answer)
    for story, question, due in run.batches(data, how.batch, how.steps, saved, phase):
        story = strewn(story, how.blanks) if how.blanks else story
        loss = F.cross_entropy(net(sentences, story, question), due)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimizer.step()
        schedule.step()
        run.log(nats=loss)


def learn_as_published(net: MemN2N, stories: Stories, how: Config, linear: int, run: Run) -> None:
    """The paper's training: hops have no softmax at first ("linear start"); then the rate is halved three times."""
    descend(net, stories, how, run, "linear start", linear, linear + 1)
    descend(net, stories, how, run, "answers", how.steps, how.steps // 4)
    with torch.no_grad():
        net.tables.mul_(2)  # what `quick_answer` did to them


def descend(
    net: MemN2N, stories: Stories, how: Config, run: Run, phase: str, steps: int, halving: int
) -> None:
    """Plain gradient steps on the sum of a batch's costs; the rate is halved every `halving` of them."""
    optimizer = torch.optim.SGD(net.parameters(), how.rate)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, halving, 0.5)
    saved = {"net": net, "optimizer": optimizer, "schedule": schedule}
    sentences = stories.sentences.to(run.device)
    data = TensorDataset(stories.story, stories.question, stories.answer)
    for story, question, due in run.batches(data, how.batch, steps, saved, phase):
        told = strewn(story, how.blanks)
        scores = quick_answer(net, sentences, told, question, linear=phase == "linear start")
        loss = F.cross_entropy(scores, due, reduction="sum")
        optimizer.zero_grad()
        loss.backward()
        for weights in net.parameters():
            nn.utils.clip_grad_norm_(weights, 40.0)  # each by itself
        optimizer.step()
        schedule.step()
        run.log(nats=loss / how.batch)


def learn_to_copy(net: nn.Module, how: Config, run: Run) -> None:
    """Go on with the first of `TRIES` beginnings that has learned something; others put all rows into one slot."""
    for n in range(TRIES):
        begun = type(net)(BITS, WIDTH).to(run.device)
        if practise(begun, how, run, f"try {n}", how.copy_steps // 2) < 0.2:
            break
    net.load_state_dict(begun.state_dict())
    practise(net, how, run, "copies", how.copy_steps)


def practise(net: nn.Module, how: Config, run: Run, phase: str, steps: int) -> float:
    """Train a copy machine on rows of 1 to `how.longest`, each on a tape of another length; its recent mean cost."""
    optimizer = torch.optim.Adam(net.parameters(), 0.02)
    recent = nn.Parameter(torch.ones(20, device=run.device), requires_grad=False)
    saved = {"net": net, "optimizer": optimizer, "recent": nn.ParameterList([recent])}
    for step in run.steps(steps, saved, phase):
        draw = run.generator(f"{phase} {step}")
        length = int(torch.randint(1, how.longest + 1, (), generator=draw))
        slots = how.longest + int(
            torch.randint(1, 7, (), generator=draw)
        )  # a ring that always differs is no help
        x, rows = run.to(*to_copy(32, length, BITS, draw))
        scores, shifts = net(x, slots)
        loss = F.binary_cross_entropy_with_logits(scores[:, length + 1 :], rows)
        unsure = -(shifts * shifts.clamp(min=1e-8).log()).sum(-1).mean()
        optimizer.zero_grad()
        (loss + 0.02 * unsure).backward()  # a head that is sure where to go can go far
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        recent[step % len(recent)] = loss.detach()
        run.log(copy_nats=loss)
    return recent.mean().item()


def far(tier: str) -> int:
    """How long rows are at which copying is measured."""
    return 40 if tier == "mini" else 80


@torch.no_grad()
def bits_wrong(net: nn.Module, length: int) -> float:
    """Share of the bits of 50 rows of this length that a copy machine gets wrong."""
    x, rows = to_copy(50, length, BITS, torch.Generator().manual_seed(1))
    device = next(net.parameters()).device
    scores = net(x.to(device), length + 8)[0][:, length + 1 :].cpu()
    return ((scores > 0) != (rows > 0)).float().mean().item()


@torch.no_grad()
def right(net: nn.Module, stories: Stories) -> list[float]:
    """Share of the questions of each task that are answered right."""
    device = next(net.parameters()).device
    sentences, found = stories.sentences.to(device), []
    for story, question in zip(stories.story.split(1000), stories.question.split(1000)):
        found.append(net(sentences, story.to(device), question.to(device)).argmax(1).cpu())
    hits = (torch.cat(found) == stories.answer).float()
    return [hits[stories.task == task].mean().item() for task in range(int(stories.task.max()) + 1)]


def evaluate(tensors: dict[str, Tensor], tier: str, device: str = "cpu") -> float:
    """Share of held-out questions that are answered right, the mean over tasks.

    Raises:
        RuntimeError: the tensors are not those of this tier's nets.
    """
    stories = load(tier, "test")
    nets = build(tier, stories)
    nets.load_state_dict(tensors)
    shares = right(nets["answers"].to(device).eval(), stories)
    return sum(shares) / len(shares)


def baseline(tier: str) -> float:
    """What two RNNs reach, one for the story, one for the question (mini), or each task's commonest answer (full)."""
    train_set, test = load(tier, "train"), load(tier, "test")
    if tier == "mini":
        shares = right(two_rnns(0), test)
    else:
        shares = [commonest(train_set, test, task) for task in range(int(test.task.max()) + 1)]
    return sum(shares) / len(shares)


def two_rnns(seed: int, steps: int = 400) -> TwoRNNs:
    """Two RNNs that have learned from the mini tier's questions for `steps` steps."""
    run, stories = Run("two RNNs", seed), load("mini", "train")
    net = TwoRNNs(len(stories.words), 20, 32).to(run.device)
    how = Config(d=20, hops=0, batch=64, steps=steps, rate=1e-2, blanks=0, longest=0, copy_steps=0)
    learn_to_answer(net, stories, how, run)
    return net.eval()


def commonest(train_set: Stories, test: Stories, task: int) -> float:
    """Share of a task's test questions whose answer is the one that is commonest in training."""
    guess = train_set.answer[train_set.task == task].mode().values
    return (test.answer[test.task == task] == guess).float().mean().item()


if __name__ == "__main__":
    main(__spec__)
