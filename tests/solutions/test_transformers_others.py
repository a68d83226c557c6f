"""Nets that read a sentence and write another: none peeps, padding is nothing, attention across two rows as PyTorch has
it, and each of them learns a small task.
"""

import pytest
import torch
from torch import nn

from course_utils.data.bitext import END, PAD
from solutions.transformers import others

SOURCE = torch.tensor([[5, 9, 7, PAD, PAD], [5, 9, 7, 4, 8]])
WRITTEN = torch.tensor([[END, 6, 3], [END, 6, 3]])

every_net = pytest.mark.parametrize("kind", others.NETS)


@pytest.fixture
def net(kind):
    torch.manual_seed(0)
    return others.NETS[kind](12, 16).eval()


@every_net
def test_a_next_word_depends_on_the_source_and_on_what_is_written_before_it(net):
    begun = net(SOURCE, WRITTEN)
    assert begun.shape == (2, 3, 12)
    later = net(SOURCE, torch.tensor([[END, 6, 2], [END, 2, 3]]))
    same = (begun - later).abs().amax(2) < 1e-5
    assert same.tolist() == [[True, True, False], [True, False, False]]
    other = net(torch.tensor([[5, 2, 7, PAD, PAD], [5, 9, 7, 4, 8]]), WRITTEN)
    assert (begun - other).abs()[0].amax() > 1e-3


@every_net
def test_padding_is_read_as_nothing(net):
    torch.testing.assert_close(net(SOURCE, WRITTEN)[:1], net(SOURCE[:1, :3], WRITTEN[:1]))


def test_attention_across_two_rows_is_pytorchs():
    torch.manual_seed(0)
    ours, theirs = others.Cross(16, 4), nn.MultiheadAttention(16, 4, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.ask.weight, ours.offer.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.ask.bias, ours.offer.bias]))
        theirs.out_proj.load_state_dict(ours.mix.state_dict())
    x, h, real = torch.randn(2, 3, 16), torch.randn(2, 5, 16), SOURCE != PAD
    wanted, _ = theirs(x, h, h, key_padding_mask=~real)
    torch.testing.assert_close(ours(x, h, real[:, None, None]), wanted)


@every_net
def test_it_learns_to_copy_and_writes_what_it_has_learned(net):
    torch.manual_seed(0)
    rows = torch.randint(3, 12, (60, 4))
    target = torch.cat([torch.full((60, 1), END), rows, torch.full((60, 1), END)], dim=1)
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(150):
        loss = others.cost(net, rows, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    written = others.write(net, rows.tolist(), 5)
    assert (written == target[:, 1:]).all(1).float().mean() > 0.9
