"""Checkpoints come back as they went, or not at all."""

import pytest
import torch

from course_utils.training import checkpoint


def test_nested_values_come_back(tmp_path):
    value = {
        "a": [1, 2.5, None, True, "x"],
        3: {"t": torch.arange(3), "bf": torch.ones(2, dtype=torch.bfloat16)},
    }
    checkpoint.save(tmp_path / "x.safetensors", value)
    back = checkpoint.load(tmp_path / "x.safetensors")
    assert back["a"] == value["a"]
    assert back[3]["t"].tolist() == [0, 1, 2]
    assert back[3]["bf"].dtype == torch.bfloat16


def test_an_optimiser_goes_on_as_if_nothing_had_happened(tmp_path):
    def optimiser():
        weight = torch.nn.Parameter(torch.ones(2))
        return weight, torch.optim.Adam([weight], 0.1)

    weight, adam = optimiser()
    weight.grad = torch.tensor([1.0, -2.0])
    adam.step()
    checkpoint.save(tmp_path / "x", checkpoint.states({"adam": adam}))
    other, fresh = optimiser()
    checkpoint.restore({"adam": fresh}, checkpoint.load(tmp_path / "x"))
    other.data.copy_(weight.data)
    other.grad = weight.grad.clone()
    adam.step()
    fresh.step()
    assert torch.equal(weight, other)


@pytest.mark.parametrize("content", [b"", b"not safetensors", b"\x08\0\0\0\0\0\0\0{}      "])
def test_a_broken_file_counts_as_none(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    assert checkpoint.load(tmp_path / "x") is None
    assert checkpoint.load(tmp_path / "not there") is None


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "x"
    checkpoint.save(path, {"a": 1})
    with pytest.raises(TypeError, match="expected tensors and plain values, got object"):
        checkpoint.save(path, {"a": object()})
    assert checkpoint.load(path) == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["x"]
