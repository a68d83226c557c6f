"""Strings written again by a net that keeps one vector, which it reads in either order."""

import torch

from course_utils.data import reversals
from course_utils.data.bitext import END, PAD
from course_utils.training import Run
from solutions.attention import one_vector


def test_what_is_to_be_written_is_the_string_itself_whatever_the_order_of_reading():
    as_it_stands, target = one_vector.strings("test", from_its_end=False)
    from_its_end, same = one_vector.strings("test", from_its_end=True)
    assert torch.equal(target, same)
    for forwards, backwards, due in zip(as_it_stands[:8], from_its_end[:8], target[:8]):
        word = reversals.decode(forwards)
        assert reversals.decode(backwards) == word[::-1]
        assert reversals.decode(due) == word
        assert due[len(word)] == END
        assert (due[len(word) + 1 :] == PAD).all()


def test_padding_changes_nothing_and_later_letters_are_not_known():
    torch.manual_seed(0)
    net = one_vector.OneVector()
    source, target = (part[:6] for part in one_vector.strings("test", from_its_end=True))
    scores = net(source, target)
    wider = net(torch.nn.functional.pad(source, (0, 4)), target)
    torch.testing.assert_close(scores, wider)
    changed = target.clone()
    changed[:, 3] = 4
    torch.testing.assert_close(net(source, changed)[:, :4], scores[:, :4])


def test_a_short_training_learns_something_and_gives_a_share_for_each_length():
    run = Run(seed=0, device="cpu")
    shares = one_vector.rewritten(True, run, steps=3)
    assert len(shares) == len(one_vector.LENGTHS)
    assert all(0 <= share <= 1 for share in shares)
    torch.manual_seed(0)
    net, (source, target) = one_vector.OneVector(), one_vector.strings("train", from_its_end=True)
    optimizer, costs = torch.optim.Adam(net.parameters(), 0.01), []
    for rows in torch.arange(60 * 32).split(32):
        loss = one_vector.cost(net(source[rows], target[rows]), target[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        costs.append(loss.item())
    assert costs[-1] < 0.95 * costs[0]
