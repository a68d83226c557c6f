"""Words, alignments and BLEU: worked by hand, and properties."""

import doctest
import math

import pytest
import torch

from course_utils.data import bitext, translation
from course_utils.data.bitext import END, PAD, UNKNOWN, Vocabulary, align, bleu, padded, tokens


def test_the_examples_in_the_docstrings_run():
    failed, tried = doctest.testmod(bitext)
    assert tried > 1
    assert failed == 0


def test_a_vocabulary_gives_sentences_back_and_marks_what_it_lacks():
    vocabulary = Vocabulary.of(["the cat sees the dog", "a cat"], least=1)
    assert vocabulary.words[3:5] == ("cat", "the")  # the commonest first, ties by the alphabet
    (codes,) = vocabulary.encode(["the dog sees a bird"])
    assert codes[-1] == UNKNOWN
    assert vocabulary.decode([*codes, END, 4]) == ["the", "dog", "sees", "a", "<unknown>"]
    assert Vocabulary.of(["b b a"], least=2).words[3:] == ("b",)


def test_punctuation_and_both_apostrophes():
    assert tokens("L’homme, seul!") == tokens("l'homme , seul !") == ["l'", "homme", ",", "seul", "!"]


def test_padding_fills_up_and_cuts():
    assert padded([[3], [4, 5]]).tolist() == [[3, PAD], [4, 5]]
    assert padded([[3, 4, 5]], 2).tolist() == [[3, 4]]


def test_alignment_follows_words_that_change_places():
    english = [
        ["red", "cat"],
        ["red", "dog"],
        ["big", "cat"],
        ["big", "dog"],
        ["blue", "cat"],
        ["blue", "dog"],
    ]
    codes = {word: i + 3 for i, word in enumerate(["red", "big", "blue", "cat", "dog"])}
    sources = [[codes[word] for word in row] for row in english]
    targets = [[10 + codes[noun], 10 + codes[adjective]] for adjective, noun in english]
    assert [row.tolist() for row in align(sources, targets)] == [[1, 0]] * 6


def test_alignment_of_the_small_grammar_finds_its_dictionary():
    pairs = translation.load("mini", "train")
    words = Vocabulary.of(pairs.source + pairs.target)
    sources, targets = words.encode(pairs.source[:800]), words.encode(pairs.target[:800])
    alignments = align(sources, targets)
    nouns = {"cat": "chat", "dog": "chien", "mouse": "souris", "house": "maison", "table": "table"}
    right = total = 0
    for source, target, alignment in zip(sources, targets, alignments):
        assert len(alignment) == len(target)
        for word, place in zip(target, alignment.tolist()):
            if words.words[word] in nouns.values():
                total += 1
                right += nouns.get(words.words[source[place]]) == words.words[word]
    assert right / total > 0.95


def test_bleu_by_hand():
    output, reference = tokens("the cat is on the mat"), tokens("the cat sat on the mat")
    shares = 5 / 6, 3 / 5, 1 / 4, 0 / 3
    assert bleu([output], [reference]) == 0.0 == shares[3]
    long, longer = list("abcdef"), list("abcdefgh")
    assert bleu([long], [longer]) == pytest.approx(100 * math.exp(1 - 8 / 6))
    twice = bleu([["a"] * 5], [["a", "a", "b", "c", "d"]])  # clipped counts: of 5 a's two are right
    assert twice == 0.0
    mixed = bleu([list("abcdx")], [list("abcde")])
    assert mixed == pytest.approx(100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25)


def test_bleu_refuses_lists_of_different_lengths():
    with pytest.raises(ValueError, match="expected as many references as outputs, got 1 and 2"):
        bleu([["a"]], [["a"], ["b"]])


def test_alignment_gives_places_as_integers():
    (row,) = align([[3, 4]], [[5]])
    assert row.dtype == torch.int64
