"""A translator of the cipher that has seen no pair, in four ways: `benchmarks.chapters` keeps what came out."""

import torch

from benchmarks.programs_found import Facts
from course_utils.data import cipher
from course_utils.data.bitext import MARKS
from course_utils.training import Run
from solutions.translation import reference as translation

SPEAKING = {
    "all of it": {},
    "denoising alone": {"together": 0},
    "words free to move": {"held": 1.0},
    "a random dictionary": {"partner": None},
}


GROUPS = (cipher.SUBJECTS, cipher.VERBS, cipher.THINGS, cipher.ADJECTIVES)
# What kind of word each of the cipher's codes is; 0 for marks and the article.
KINDS = torch.tensor(
    [sum(k for k, group in enumerate(GROUPS, 1) if word[::-1] in group) for word in cipher.LANGUAGES[1]]
)


@torch.no_grad()
def coming_back(net: translation.Speaker, texts: tuple[torch.Tensor, ...]) -> float:
    """What coming back costs a trained translator on sentences of both languages, in nats a word."""
    costs = [
        translation.back_translation(net.translate, net.cost, x, own, 1 - own) for own, x in enumerate(texts)
    ]
    return torch.stack(costs).mean().item()


def speaking(kind: str, seed: int) -> Facts:
    """A translator of the cipher that has seen no pair: what is right of it, and what coming back costs it.

    All of it is measured on the sentences of the test; where words are free to move, also by the four kinds of words.
    """
    run, how = Run(seed=seed, device="cpu"), dict(SPEAKING[kind])
    if "partner" in how:
        words = torch.randperm(cipher.WORDS - len(MARKS), generator=run.generator("words")) + len(MARKS)
        how["partner"] = torch.cat([torch.arange(len(MARKS)), words])
    net = translation.learn_to_speak(cipher.load("mini", "train"), run, **how)
    plain, secret = cipher.load("mini", "test").tensors
    with torch.no_grad():
        said = net.write(translation.without_end(plain), 0, 1)
    words, same = secret >= len(MARKS), said == secret
    facts: Facts = {
        "right": round(translation.exact(net), 4),
        "words": round(same[words].float().mean().item(), 4),
        "kinds": round((KINDS[said] == KINDS[secret])[words].float().mean().item(), 4),
        "returning": round(coming_back(net, (plain, secret)), 4),
    }
    if kind == "words free to move":
        shares = (same[KINDS[secret] == k].float().mean().item() for k in range(1, len(GROUPS) + 1))
        facts["by kind"] = [round(share, 4) for share in shares]
    return facts
