"""The reference of `layerwise`: worked by hand, against PyTorch, properties, a tiny training run."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_utils.training import Run
from solutions.layerwise import reference
from solutions.layerwise.reference import (
    AuxiliaryHead,
    Block,
    cache,
    greedy_step,
    linear_probe,
    net_tensors,
    optimizer_for,
    predict,
    prune,
    strongest,
    train_layer,
    training_macs,
)


def test_a_linear_head_averages_cells_by_hand():
    head = AuxiliaryHead(1, 1, 1, (1, 3), (1, 2))
    head.linear.weight.data = torch.tensor([[1.0, 10.0]])
    head.linear.bias.data = torch.tensor([100.0])
    x = torch.tensor([[[[1.0, 3.0, 2.0, 6.0]]]])
    assert head(x).item() == 2 + 10 * 4 + 100


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_head_has_as_many_parameters_as_its_parts(k):
    count = sum(p.numel() for p in AuxiliaryHead(4, 10, k, (3, 3), (2, 2)).parameters())
    assert count == (k - 1) * (4 * 4 * 9 + 8) + 4 * 4 * 10 + 10


def test_a_step_changes_block_and_head_and_not_its_inputs():
    torch.manual_seed(0)
    block, head = Block(1, 2, (1, 3)), AuxiliaryHead(2, 3, 2, (1, 3), (1, 2))
    before = [p.clone() for p in [*block.parameters(), *head.parameters()]]
    x, y = torch.randn(8, 1, 1, 6), torch.randint(0, 3, (8,))
    kept = x.clone()
    loss = greedy_step(block, head, optimizer_for(block, head, 0.1), x, y)
    assert not loss.requires_grad
    assert all((p != q).any() for p, q in zip([*block.parameters(), *head.parameters()], before))
    assert torch.equal(x, kept)


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_a_cache_is_the_same_in_any_batches_and_leaves_the_block_alone(size):
    torch.manual_seed(1)
    block = Block(2, 3, (1, 3), 2)
    block(torch.randn(20, 2, 1, 8))
    before = {name: t.clone() for name, t in block.state_dict().items()}
    x = torch.randn(7, 2, 1, 8)
    torch.testing.assert_close(cache(block, x, size), block(x).detach())
    assert all(torch.equal(before[name], t) for name, t in block.state_dict().items())


def test_the_bill_of_a_net_with_free_heads_is_end_to_end_plus_one_pass_to_fill_the_caches():
    whole, layers = training_macs([5, 7, 11], [0, 0, 0], epochs=4)
    assert layers - whole == 5 + 7 + 11


def test_the_probe_is_ridge_regression():
    torch.manual_seed(2)
    x, y, x_new, y_new = (
        torch.randn(50, 4),
        torch.randint(0, 3, (50,)),
        torch.randn(30, 4),
        torch.randint(0, 3, (30,)),
    )
    phi = torch.cat([x, torch.ones(50, 1)], 1).double().requires_grad_()
    weights = torch.zeros(5, 3, dtype=torch.double)
    gram = phi.detach().T @ phi.detach() + torch.eye(5)
    for _ in range(500):  # gradient descent to the same minimum
        weights -= 0.01 * (gram @ weights - phi.detach().T @ F.one_hot(y).double())
    answers = (torch.cat([x_new, torch.ones(30, 1)], 1).double() @ weights).argmax(1)
    assert linear_probe(x, y, x_new, y_new) == pytest.approx((answers == y_new).double().mean().item())


def test_pruning_keeps_the_strong_channels_outputs():
    torch.manual_seed(3)
    block = Block(2, 6, (3, 3)).eval()
    small = Block(2, 4, (3, 3)).eval()
    small.load_state_dict(prune(block.state_dict(), 4))
    x = torch.randn(3, 2, 5, 5)
    torch.testing.assert_close(small(x), block(x)[:, strongest(block.conv.weight, 4)])


def test_too_many_channels_are_refused_with_a_reason():
    with pytest.raises(ValueError, match=r"expected keep from 1 to 6, got 7"):
        strongest(torch.zeros(6, 1, 1, 1), 7)


def test_lower_layers_do_not_move_when_an_upper_one_learns():
    torch.manual_seed(4)
    x, y = torch.randn(40, 1, 1, 8), torch.randint(0, 2, (40,))
    blocks, heads = (
        [Block(1, 2, (1, 3)), Block(2, 2, (1, 3))],
        [AuxiliaryHead(2, 2, 1, (1, 3), (1, 2)) for _ in "ab"],
    )
    train_layer(blocks[0], heads[0], x, y, 5, 10, 0.01, Run(), "layer 0")
    finished = {name: t.clone() for name, t in blocks[0].state_dict().items()}
    train_layer(blocks[1], heads[1], cache(blocks[0], x), y, 5, 10, 0.01, Run(), "layer 1")
    assert all(torch.equal(finished[name], t) for name, t in blocks[0].state_dict().items())


def test_a_tiny_net_learns_and_its_tensors_give_its_answers_back(monkeypatch):
    small = reference.Config((4,), (2,), (1, 5), (1, 5), k=1, steps=60, batch=50, rate=0.02)
    monkeypatch.setattr(reference, "config", lambda tier: small)
    tensors = reference.train("mini", 0, Run())
    accuracy = reference.evaluate(tensors, "mini")
    assert accuracy > 0.3  # of ten classes
    x, y = reference.load("mini", "test")
    blocks, heads = reference.build(small, 1)
    net = nn.ModuleDict({"blocks": nn.ModuleList(blocks), "head": heads[-1]})
    net.load_state_dict(tensors, strict=False)
    assert (predict(blocks, heads[-1], x).argmax(1) == y).double().mean().item() == pytest.approx(accuracy)
    assert net_tensors(blocks, heads[-1]).keys() == tensors.keys()


def test_other_tensors_are_refused():
    with pytest.raises(ValueError, match="expected 1 to 4 blocks"):
        reference.evaluate({"w": torch.zeros(2)}, "mini")


def test_shapes_are_compared_before_a_net_of_that_size_is_made(monkeypatch):
    numbers, build = [], reference.build

    def watched(*given):
        blocks, heads = build(*given)
        numbers.extend(
            parameter for block in blocks for parameter in block.parameters() if not parameter.is_meta
        )
        return blocks, heads

    blocks, heads = build(reference.config("mini"), 1)
    tensors = net_tensors(blocks, heads[-1])
    tensors["blocks.1.conv.weight"] = tensors["blocks.1.conv.weight"].repeat(2, 1, 1, 1)
    monkeypatch.setattr(reference, "build", watched)
    with pytest.raises(RuntimeError, match="size mismatch"):
        reference.evaluate(tensors, "mini")
    assert numbers == []
