"""Stories and questions: the twenty bAbI tasks (full; Weston et al., 2015), or two generated ones (mini).

    anna went to the garden. ben took the lamp. ben ran to the attic. where is the lamp?   attic

Mini: in the first task people walk about and somebody is asked for (one sentence answers that); in the second they
take things along and a thing is asked for (two sentences: who has it, and where they are). Full: of each task's
1,000 questions for training the last 100 are `val`; its 1,000 others are `test`.
"""

import io
import re
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from course_utils.data.decoded import decoded
from course_utils.data.fetch import fetch
from course_utils.data.registry import DATASETS
from course_utils.data.splits import SPLITS, check

PEOPLE = ("anna", "ben", "carla", "david")
PLACES = ("attic", "cellar", "garden", "kitchen", "library", "stable")
THINGS = ("lamp", "ball", "apple")
MOVES = ("went", "walked", "ran")
COUNTS = {"train": 4000, "val": 500, "test": 1000}  # questions of each of the two tasks
LONGEST = 10  # sentences of a generated story
TASKS = 20  # of the real set
HELD_OUT = 100  # of each task's questions for training are `val`
MEMORIES = 50  # the last so many sentences of a real story are kept

Sentence = tuple[str, ...]
Asked = tuple[list[Sentence], Sentence, str]  # the story so far, the question, its answer


@dataclass(frozen=True)
class Stories:
    """Questions about stories. Each different sentence is kept once; stories and questions name it by its number.

    `words` (V): what the codes mean, the first is no word. `sentences` (S, J): codes of words, 0 behind a sentence's
    end; the first is empty. `story` (N, M): numbers of sentences, the newest last, 0 in front of a short story.
    `question` (N,): the number of a sentence. `answer` (N,): the code of a word. `task` (N,): from 0.
    """

    words: tuple[str, ...]
    sentences: Tensor
    story: Tensor
    question: Tensor
    answer: Tensor
    task: Tensor

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All but the words."""
        return self.sentences, self.story, self.question, self.answer, self.task

    def say(self, number: int) -> str:
        """The sentence of that number, in words."""
        return " ".join(self.words[code] for code in self.sentences[number].tolist() if code)


def load(tier: str, split: str) -> Stories:
    """The split's questions. Words and sentences, and so their numbers, are the same for all splits of a tier."""
    check(split, tier)
    words, parts = _mini() if tier == "mini" else _full()
    return Stories(words, parts["sentences"], *(parts[f"{split} {name}"] for name in ROWS))


ROWS = ("story", "question", "answer", "task")


def _coded(tasks: dict[str, list[list[Asked]]], memories: int) -> tuple[tuple[str, ...], dict[str, Tensor]]:
    """For each split the questions of each task, as numbers."""
    every = [asked for split in SPLITS for task in tasks[split] for asked in task]
    known = sorted({sentence for story, question, _ in every for sentence in (*story, question)})
    words = ("", *sorted({word for s in known for word in s} | {answer for _, _, answer in every}))
    code, number = ({item: n for n, item in enumerate(items)} for items in (words, ((), *known)))
    longest = max(map(len, known))
    parts = {"sentences": torch.tensor([_padded([code[w] for w in s], longest) for s in ((), *known)])}
    for split in SPLITS:
        rows = [(n, asked) for n, task in enumerate(tasks[split]) for asked in task]
        stories = [_in_front([number[s] for s in story][-memories:], memories) for _, (story, _, _) in rows]
        parts[f"{split} story"] = torch.tensor(stories)
        parts[f"{split} question"] = torch.tensor([number[question] for _, (_, question, _) in rows])
        parts[f"{split} answer"] = torch.tensor([code[answer] for _, (_, _, answer) in rows])
        parts[f"{split} task"] = torch.tensor([task for task, _ in rows])
    return words, parts


def _padded(numbers: list[int], length: int) -> list[int]:
    return numbers + [0] * (length - len(numbers))


def _in_front(numbers: list[int], length: int) -> list[int]:
    return [0] * (length - len(numbers)) + numbers


@cache
def _mini() -> tuple[tuple[str, ...], dict[str, Tensor]]:
    tasks = {}
    for n, split in enumerate(SPLITS):
        rng = np.random.RandomState([n, 2015])
        tasks[split] = [[make(rng) for _ in range(COUNTS[split])] for make in (one_fact, two_facts)]
    return _coded(tasks, LONGEST)


def one_fact(rng: np.random.RandomState) -> Asked:
    """People walk about; where is one of them?"""
    story: list[Sentence] = []
    place: dict[str, str] = {}
    for _ in range(rng.randint(2, LONGEST + 1)):
        who = _of(rng, PEOPLE)
        place[who] = _of(rng, PLACES)
        story.append((who, _of(rng, MOVES), "to", "the", place[who]))
    who = _of(rng, sorted(place))
    return story, ("where", "is", who), place[who]


def two_facts(rng: np.random.RandomState) -> Asked:
    """People walk about and take things along; where is one of the things? Drawn until there is one to ask for."""
    while True:
        story, place, holder = _carried(rng)
        known = sorted(thing for thing, who in holder.items() if who in place)
        if known:
            thing = _of(rng, known)
            return story, ("where", "is", "the", thing), place[holder[thing]]


def _carried(rng: np.random.RandomState) -> tuple[list[Sentence], dict[str, str], dict[str, str]]:
    """A story, where each person is at its end, and who has each thing that was taken."""
    story: list[Sentence] = []
    place: dict[str, str] = {}
    holder: dict[str, str] = {}
    for _ in range(rng.randint(3, LONGEST + 1)):
        free = [thing for thing in THINGS if thing not in holder]
        who = _of(rng, PEOPLE)
        if free and rng.uniform() < 0.3:
            thing = _of(rng, free)
            holder[thing] = who
            story.append((who, "took", "the", thing))
        else:
            place[who] = _of(rng, PLACES)
            story.append((who, _of(rng, MOVES), "to", "the", place[who]))
    return story, place, holder


def _of(rng: np.random.RandomState, options: Sequence[str]) -> str:
    return options[rng.randint(len(options))]


# ------------------------------------------------------------------------------------------------ the real ones


@cache
def _full() -> tuple[tuple[str, ...], dict[str, Tensor]]:
    kept = decoded("babi", _decoded)
    words = bytes(kept.pop("words").tolist()).decode().split("\n")
    return tuple(words), {name: tensor.long() for name, tensor in kept.items()}


def _decoded() -> dict[str, Tensor]:
    words, parts = _coded(_read(), MEMORIES)
    letters = torch.tensor(list("\n".join(words).encode()), dtype=torch.uint8)
    return {"words": letters} | {name: tensor.short() for name, tensor in parts.items()}


def _read() -> dict[str, list[list[Asked]]]:
    """The twenty tasks' questions by split, from files `en/qa<task>_<title>_<train or test>.txt`."""
    tasks: dict[str, list[list[Asked]]] = {split: [[] for _ in range(TASKS)] for split in SPLITS}
    with tarfile.open(fetch(DATASETS["babi"].files[0])) as archive:
        for member in archive.getmembers():
            name = re.search(r"qa(\d+)_.*_(train|test)\.txt$", member.name)
            stream = archive.extractfile(member) if name else None
            if name is None or stream is None:
                continue
            n, asked = int(name[1]) - 1, list(_questions(io.TextIOWrapper(stream, encoding="utf-8")))
            if name[2] == "test":
                tasks["test"][n] = asked
            else:
                tasks["train"][n], tasks["val"][n] = asked[:-HELD_OUT], asked[-HELD_OUT:]
    return tasks


def _questions(lines: Iterable[str]) -> Iterator[Asked]:
    """Lines `number sentence`, and `number question<tab>answer<tab>…`; number 1 begins a new story."""
    story: list[Sentence] = []
    for line in lines:
        number, text = line.strip().split(" ", 1)
        if number == "1":
            story = []
        sentence, *answer = text.split("\t")
        spelled = tuple(re.findall(r"\w+", sentence.lower()))
        if answer:
            yield list(story), spelled, answer[0]
        else:
            story.append(spelled)
