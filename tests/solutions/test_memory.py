"""The reference of the topic memory: by hand, against PyTorch or a loop, by its properties, and a tiny training."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_utils.data import babi
from course_utils.training import Run, reference_tensors
from solutions.memory import reference
from solutions.memory.reference import (
    answer,
    content,
    encode,
    hop,
    last_state,
    position_encoding,
    sharpen,
    shift,
    tape,
    write,
)


def test_position_encoding_is_the_papers_formula():
    got, (words, d) = position_encoding(3, 5), (3, 5)
    for j in range(1, words + 1):
        for k in range(1, d + 1):
            assert got[j - 1, k - 1].item() == pytest.approx(
                (1 - j / words) - k / d * (1 - 2 * j / words), abs=1e-6
            )


def test_a_sentence_is_the_weighted_sum_of_its_words():
    table, weights = torch.randn(6, 4), torch.randn(3, 4)
    got = encode(torch.tensor([[2, 5, 0], [0, 0, 0]]), table, weights)
    torch.testing.assert_close(got[0], table[2] * weights[0] + table[5] * weights[1])
    assert not got[1].any()
    turned = encode(torch.tensor([5, 2, 0]), table, weights)
    assert not torch.allclose(got[0], turned), "order must be seen"


def test_the_last_state_is_pytorchs_of_what_is_there():
    gru, cell = nn.GRU(3, 5, batch_first=True), nn.GRUCell(3, 5)
    cell.load_state_dict({name.removesuffix("_l0"): tensor for name, tensor in gru.state_dict().items()})
    xs, there = torch.randn(2, 7, 3), torch.rand(2, 7) < 0.6
    got = last_state(cell, xs, there, torch.zeros(2, 5))
    for row in range(2):
        torch.testing.assert_close(got[row], gru(xs[row : row + 1, there[row]])[1][0, 0])


def test_a_hop_is_attention_and_leaves_out_what_is_not_there():
    u, m, c = torch.randn(2, 1, 4), torch.randn(2, 5, 4), torch.randn(2, 5, 4)
    there = torch.tensor([[False, True, True, False, True], [True] * 5])
    got, p = hop(u[:, 0], m, c, there)
    wanted = u + F.scaled_dot_product_attention(u, m, c, there[:, None], scale=1.0)
    torch.testing.assert_close(got, wanted[:, 0])
    assert p[0, [0, 3]].tolist() == [0, 0]
    torch.testing.assert_close(p.sum(1), torch.ones(2))


def test_hops_worked_out_with_tables_set_by_hand():
    # words: 1 anna, 2 ben, 3 attic, 4 garden; a name's key is its own axis, a place's value its own score
    names, places = 9 * torch.eye(4)[:2], torch.eye(4)[2:]
    tables = torch.zeros(2, 5, 4)
    tables[0, 1:3], tables[1, 3:5] = names, places
    sentences = torch.tensor([[0, 0], [1, 3], [2, 4], [1, 0], [2, 0]])
    scores, p = answer(
        sentences, torch.tensor([[0, 1, 2]] * 2), torch.tensor([3, 4]), tables, torch.zeros(2, 3, 4)
    )
    assert scores.argmax(1).tolist() == [3, 4]
    assert p.shape == (2, 1, 3)
    assert p[:, 0].argmax(1).tolist() == [1, 2]
    assert not p[:, 0, 0].any()


def test_addresses_by_content_shift_and_sharpening():
    memory, key, strength = torch.randn(2, 5, 3), torch.randn(2, 3), torch.tensor([1.0, 50.0])
    got = content(memory, key, strength)
    cosines = torch.stack([F.cosine_similarity(memory[:, n], key) for n in range(5)], 1)
    torch.testing.assert_close(got, (strength[:, None] * cosines).softmax(1))
    w, s = torch.rand(2, 6).softmax(1), torch.rand(2, 3).softmax(1)
    moved = shift(w, s)
    for n in range(6):
        wanted = s[:, 0] * w[:, (n + 1) % 6] + s[:, 1] * w[:, n] + s[:, 2] * w[:, n - 1]
        torch.testing.assert_close(moved[:, n], wanted)
    ring = F.pad(w[:, None], (1, 1), mode="circular")
    torch.testing.assert_close(moved[:1], F.conv1d(ring[:1], s[:1, None].flip(-1))[:, 0])
    torch.testing.assert_close(sharpen(w, torch.ones(2)), w)
    assert (sharpen(w, torch.full((2,), 3.0)).amax(1) > w.amax(1)).all()
    edge = torch.tensor([[1.0, 0.0, 0.0]], requires_grad=True)
    sharpen(edge, torch.tensor([2.5])).sum().backward()
    assert edge.grad.isfinite().all()


def test_what_is_written_can_be_read_and_erased():
    memory, w = torch.randn(1, 4, 3), torch.tensor([[0.0, 1.0, 0.0, 0.0]])
    new = torch.tensor([[5.0, 6.0, 7.0]])
    got = write(memory, w, torch.ones(1, 3), new)
    torch.testing.assert_close(got[:, 1], new)
    torch.testing.assert_close(got[:, [0, 2, 3]], memory[:, [0, 2, 3]])
    half = write(memory, 0.5 * w, torch.ones(1, 3), new)
    torch.testing.assert_close(half[:, 1], 0.5 * memory[:, 1] + 0.5 * new)


def test_a_tape_with_heads_moved_by_hand_gives_back_what_was_written():
    stay, on = [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]
    shifts = torch.tensor([[[on, stay]] * 3 + [[stay, on]] * 3])  # write 3, then read 3
    add = torch.randn(1, 6, 2)
    erase = torch.zeros(1, 6, 2)
    add[:, 3:] = 0
    reads = tape(shifts, torch.ones(1, 6, 2), erase, add, 8)
    torch.testing.assert_close(reads[:, 3:], add[:, :3], atol=1e-4, rtol=0)
    assert reads[:, :3].abs().max() < 1e-4


def test_rows_to_copy_say_when_they_end():
    x, rows = reference.to_copy(3, 4, 5)
    assert x.shape == (3, 9, 7)
    assert torch.equal(x[:, :4, :5], rows)
    assert x[0, :, 5].tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert x[0, :, 6].tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 1]
    assert not x[:, 4:, :5].any()


def test_strewn_stories_keep_their_order_and_their_end():
    story = torch.tensor([[9, 0, 0, 1, 2, 3, 4, 5, 6]]).repeat(200, 1)
    for first, *row in reference.strewn(story, 0.3).tolist():
        kept = [n for n in row if n]
        assert first == 9
        assert kept == list(range(7 - len(kept), 7))
    assert torch.equal(reference.strewn(story, 0.0), story)


def test_generated_stories_answer_their_questions():
    stories = babi.load("mini", "val")
    for n in range(0, len(stories.story), 37):
        place, holder = {}, {}
        for number in stories.story[n].tolist():
            words = stories.say(number).split()
            if len(words) == 5:
                place[words[0]] = words[4]
            elif words:
                holder[words[3]] = words[0]
        asked = stories.say(int(stories.question[n])).split()
        who = asked[-1] if len(asked) == 3 else holder[asked[-1]]
        assert stories.words[int(stories.answer[n])] == place[who]
        assert int(stories.task[n]) == len(asked) - 3


def test_lines_of_the_real_files_are_stories_and_questions():
    lines = [
        "1 Mary moved to the garden.",
        "2 Where is Mary? \tgarden\t1",
        "3 She left.",
        "4 Who? \ta,b\t1 3",
    ]
    first, second = babi._questions(lines)
    assert first == ([("mary", "moved", "to", "the", "garden")], ("where", "is", "mary"), "garden")
    assert second == ([*first[0], ("she", "left")], ("who",), "a,b")


@pytest.fixture
def few():
    """Sentences, stories with empty memories in front, and questions, by number."""
    sentences = torch.randint(1, 9, (10, 5))
    sentences[0], sentences[1:5, 3:] = 0, 0
    story = torch.randint(1, 10, (7, 4))
    story[:3, :2] = 0
    return sentences, story, torch.randint(1, 10, (7,))


def test_a_quick_answer_is_half_that_of_tables_twice_as_large(few):
    net, (sentences, story, question) = reference.MemN2N(9, 4, 6, 2), few
    scores, _ = answer(sentences, story, question, 2 * net.tables, net.times)
    got = reference.quick_answer(net, sentences, story, question, linear=False)
    torch.testing.assert_close(got, scores / 2)
    wanted = encode(sentences, net.tables[2], position_encoding(5, 6))
    torch.testing.assert_close(reference.vectors(sentences, net.tables)[:, 2], wanted)


def test_a_quick_copy_machine_is_the_same_machine():
    slow, quick = reference.CopyMachine(4, 6), reference.QuickCopyMachine(4, 6)
    quick.load_state_dict(slow.state_dict())
    x, rows = reference.to_copy(5, 7, 4)
    for machine in (slow, quick):
        scores, shifts = machine(x, 11)
        (torch.nn.functional.cross_entropy(scores[:, 8:], rows) + shifts.square().mean()).backward()
        machine.found = [scores, shifts, *(p.grad for p in machine.parameters())]
    torch.testing.assert_close(quick.found, slow.found, rtol=1e-4, atol=1e-5)


def test_a_linear_hop_weighs_by_the_match_itself(few):
    net, (sentences, story, question) = reference.MemN2N(9, 4, 6, 1), few
    got = reference.quick_answer(net, sentences, story, question, linear=True)
    (key, value), weights = net.tables, position_encoding(5, 6)
    u = 2 * encode(sentences[question[0]], key, weights)
    wanted = u.clone()
    for place in (2, 3):
        told = sentences[story[0, place]]
        match = u @ (2 * encode(told, key, weights) + net.times[0, place])
        wanted = wanted + match * (2 * encode(told, value, weights) + net.times[1, place])
    torch.testing.assert_close(got[0], value @ wanted)


def test_training_as_published_learns_something_and_leaves_a_net_for_answer():
    run, stories = Run("memory"), reference.with_nothing(reference.load("mini", "train"))
    net = reference.build("mini", stories)["answers"]
    how = reference.Config(20, 1, 32, 150, 1e-2, 0.1, 6, 1)
    reference.learn_as_published(net, stories, how, 50, run)
    curve = [value for _, value in run.curve["nats"]]
    assert sum(curve[-10:]) / 10 < 0.7 * curve[0]
    held_out = reference.with_nothing(reference.load("mini", "val"))
    assert (held_out.story[:, 0] > 0).all()
    assert not held_out.say(held_out.story[0, 0])
    assert sum(reference.right(net, held_out)) / 2 > 0.4


def test_a_short_training_learns_something():
    run, stories = Run("memory"), reference.load("mini", "train")
    net = reference.build("mini", stories)["answers"]
    how = reference.Config(20, 1, 64, 60, 2e-2, 0.1, 6, 1)
    reference.learn_to_answer(net, stories, how, run)
    curve = [value for _, value in run.curve["nats"]]
    assert sum(curve[-5:]) / 5 < 0.6 * curve[0]


def test_the_reference_answers_and_copies_far_beyond_its_lessons():
    tensors = reference_tensors("memory", "mini")
    assert reference.evaluate(tensors, "mini") > 0.98
    nets = reference.build("mini", reference.load("mini", "test"))
    nets.load_state_dict(tensors)
    assert reference.bits_wrong(nets["copies"], 40) == 0
