"""The emulated device refuses what CUDA refuses, and counts what the host waits for."""

import pytest

TOY = """
import torch
from tests.gpu.emulated import install
counts = install()
net = torch.nn.Linear(2, 1).to("cuda")
{line}
print(sorted(place.split()[-1] for place in counts.waits))
"""
# What is left on the CPU, and CUDA's words for it.
REFUSED = {
    "torch.rand(3, device='cuda', generator=torch.Generator())": "for generator but found 'cpu'",
    "net(torch.ones(3, 2))": "on the same device, found cuda:0 and cpu",
    "torch.ones(3)[torch.arange(2, device='cuda')]": "indices should be on the cpu",
}
RECURRENT = """
torch.manual_seed(0)
cell, x = torch.nn.{cell}(3, 4), torch.rand(5, 2, 3)
found = []
for device in ("cpu", "cuda"):
    cell, inputs = cell.to(device), x.detach().to(device).requires_grad_()
    cell.zero_grad()
    cell(inputs)[0].pow(2).sum().backward()
    found.append([t.grad.cpu() for t in (inputs, *cell.parameters())])
for a, b in zip(*found):
    torch.testing.assert_close(a, b)
"""
LIBRARY = """
lstm = torch.nn.LSTM(3, 4, 2, batch_first=True).to("cuda")
lstm(torch.rand(5, 9, 3, device="cuda"))[0].sum().backward()
print(counts.operations["a library's kernel"])
inputs, mask = [torch.rand(2, 6, 4) for _ in range(3)], torch.ones(6, 6, dtype=torch.bool).tril()
found = []
for device in ("cpu", "cuda"):
    q, k, v = (part.detach().to(device).requires_grad_() for part in inputs)
    before = counts.operations["a library's kernel"]
    y = torch.nn.functional.scaled_dot_product_attention(q, k, v, mask.to(device))
    y.square().sum().backward()
    found.append([t.detach().cpu() for t in (y, q.grad, k.grad, v.grad)])
print(counts.operations["a library's kernel"] - before)
for a, b in zip(*found):
    torch.testing.assert_close(a, b)
"""
STEP = "y = net(torch.rand(3, 2, device='cuda')); y.sum().backward()"
LINES = {
    **{line: line for line in REFUSED},
    **{cell: RECURRENT.format(cell=cell) for cell in ("GRU", "LSTM")},
    "library": LIBRARY,
    "training": STEP,
    "waiting": f"{STEP}; loss = y.sum().item(); kept = y[y > 0]",
}


@pytest.fixture(scope="module")
def found(on_device):
    return on_device({name: TOY.format(line=line) for name, line in LINES.items()})


@pytest.mark.parametrize("line", REFUSED)
def test_what_is_left_on_the_cpu_is_an_error(found, line):
    assert found[line]["code"] == 1
    assert REFUSED[line] in found[line]["error"]


@pytest.mark.parametrize("cell", ["GRU", "LSTM"])
def test_a_recurrent_cell_there_is_what_it_is_here(found, cell):
    assert found[cell]["code"] == 0, found[cell]["error"]


def test_what_is_one_call_of_a_library_counts_as_its_kernels(found):
    assert found["library"]["code"] == 0, found["library"]["error"]
    # Two layers, nine steps: two kernels a step, forth and back, and the products of all steps; attention is 1 + 2.
    assert found["library"]["out"].split()[:2] == [str(2 * (1 + 2 * 9) + 2 * (3 + 2 * 9)), "3"]


def test_a_training_on_the_device_runs_and_its_waits_are_counted(found):
    assert found["training"]["out"].strip() == "[]"
    assert found["waiting"]["out"].strip() == "['aten._local_scalar_dense.default', 'aten.index.Tensor']"
