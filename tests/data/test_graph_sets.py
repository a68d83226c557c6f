"""Many graphs in a few tensors, SMILES, and the sets of graphs: worked by hand, by properties, and counted."""

import pytest
import torch

from course_utils.data import babi_graphs, energies, molecules, tudataset
from course_utils.data.many_graphs import from_matrices, joined
from course_utils.data.smiles import AROMATIC, DOUBLE, SINGLE, TRIPLE, parse

PAIR = ([[7], [8]], [(0, 1, 2)], [1.0])
LONE = ([[5]], [], [2.0])
PATH = ([[1], [2], [3]], [(0, 1, 0), (2, 1, 4)], [3.0])


def test_graphs_stand_one_after_the_other():
    graphs = joined([PAIR, LONE, PATH])
    assert graphs.nodes.tolist() == [[7], [8], [5], [1], [2], [3]]
    assert graphs.senders.tolist() == [0, 3, 5]
    assert graphs.receivers.tolist() == [1, 4, 4]
    assert graphs.kinds.tolist() == [2, 0, 4]
    assert graphs.graph.tolist() == [0, 0, 1, 2, 2, 2]
    assert graphs.edges.tolist() == [1, 0, 2]


@pytest.mark.parametrize("rows", [[0], [1], [2, 0], [1, 1, 2], [2, 2]])
def test_graphs_taken_are_those_joined_alone(rows):
    parts = [PAIR, LONE, PATH]
    taken = joined(parts).take(torch.tensor(rows))
    assert all(map(torch.equal, taken.tensors, joined([parts[row] for row in rows]).tensors))


def test_graphs_from_matrices_hold_what_the_matrices_say():
    kinds, edges, y = energies.load("mini", "val").tensors
    graphs = from_matrices(kinds, edges, y)
    assert len(graphs) == len(kinds)
    assert graphs.sizes.tolist() == (kinds >= 0).sum(1).tolist()
    one = graphs.take(torch.tensor([17]))
    assert one.nodes[:, 0].tolist() == kinds[17][kinds[17] >= 0].tolist()
    assert (one.kinds + 1).tolist() == edges[17][one.receivers, one.senders].tolist()
    assert one.y == y[17]


@pytest.mark.parametrize(
    ("smiles", "hydrogens", "bonds"),
    [
        ("C", [4], []),
        ("C#N", [1, 0], [(0, 1, TRIPLE)]),
        ("CC(=O)O", [3, 0, 0, 1], [(0, 1, SINGLE), (1, 2, DOUBLE), (1, 3, SINGLE)]),
        ("C1CC1F", [2, 2, 1, 0], [(0, 1, SINGLE), (1, 2, SINGLE), (0, 2, SINGLE), (2, 3, SINGLE)]),
        ("c1cc[nH]c1", [1, 1, 1, 1, 1], [(n, n + 1, AROMATIC) for n in range(4)] + [(0, 4, AROMATIC)]),
        ("C=1CC=1", [1, 2, 1], [(0, 1, SINGLE), (1, 2, SINGLE), (0, 2, DOUBLE)]),
        ("[NH3+]CC([O-])=O", [3, 2, 0, 0, 0], None),
    ],
)
def test_a_molecule_is_read_from_its_smiles(smiles, hydrogens, bonds):
    atoms, found = parse(smiles)
    assert [atom[1] for atom in atoms] == hydrogens
    assert bonds is None or sorted(found) == sorted(bonds)


def test_charges_and_elements_are_read():
    atoms, _ = parse("[NH3+]CC([O-])=O")
    assert [atom[0] for atom in atoms] == [1, 0, 0, 2, 2]
    assert [atom[2] for atom in atoms] == [2, 1, 1, 0, 1]
    assert [atom[3] for atom in parse("c1ccccc1C")[0]] == [1] * 6 + [0]


@pytest.mark.parametrize("smiles", ["CX", "C1CC", "C(C", "C)C", "(C)", "1CC1", "[Fe]"])
def test_what_is_no_smiles_of_ours_is_refused_with_the_text(smiles):
    with pytest.raises(ValueError, match="parse: ") as told:
        parse(smiles)
    assert repr(smiles) in str(told.value)


@pytest.mark.parametrize("module", [molecules, tudataset, babi_graphs])
def test_edges_of_a_mini_set_stay_within_their_graph(module):
    graphs = module.load("mini", "val")
    number = graphs.graph
    assert torch.equal(number[graphs.senders], number[graphs.receivers])
    assert len(graphs.y) == len(graphs) == int(number.max()) + 1


def test_a_generated_deduction_follows_from_its_edges():
    graphs = babi_graphs.load("mini", "test")
    for n in range(50):
        one = graphs.take(torch.tensor([n]))
        said = {
            (kind, v): w for v, w, kind in torch.stack([one.senders, one.receivers, one.kinds], 1).tolist()
        }
        who = one.nodes[:, 0].tolist().index(1)
        assert one.y.item() == said[1, said[0, who]]


def test_a_question_is_read_as_marks_and_answers():
    assert babi_graphs._asked(15, [], [0, 4])[0] == [[1]] + 7 * [[0]]
    marks, _, steps = babi_graphs._asked(19, [], [4, 0, 2, 3])
    assert marks == [[2], [0], [0], [0], [1], [0]]
    assert steps == [2.0, 3.0]


def test_unknown_sets_and_tasks_are_refused():
    with pytest.raises(ValueError, match="expected a set of MUTAG, PROTEINS, got 'NCI1'"):
        tudataset.whole("NCI1")
    with pytest.raises(ValueError, match="at the mini tier, got 16"):
        babi_graphs.load("mini", "train", 16)


@pytest.mark.real_data("molecules")
def test_qm9_is_qm9():
    parts = {split: molecules.load("full", split) for split in ("train", "val", "test")}
    assert [len(part) for part in parts.values()] == [107_109, 13_388, 13_388]
    assert max(int(part.sizes.max()) for part in parts.values()) == 9
    heats = torch.cat([part.y for part in parts.values()])
    assert heats.min().item() == pytest.approx(6.002)  # of water, in cal/(mol K)


@pytest.mark.real_data("tudataset")
def test_mutag_and_proteins_are_whole():
    for name, count, classes in (("MUTAG", 188, [63, 125]), ("PROTEINS", 1113, [663, 450])):
        graphs = tudataset.whole(name)
        assert len(graphs) == count
        assert torch.bincount(graphs.y).tolist() == classes
        assert int(graphs.nodes.max()) < tudataset.KINDS[name]
        backwards = {(w, v) for v, w in zip(graphs.senders.tolist(), graphs.receivers.tolist())}
        assert backwards == set(zip(graphs.senders.tolist(), graphs.receivers.tolist()))
        assert sum(len(tudataset.load("full", split, name)) for split in ("train", "val", "test")) == count


@pytest.mark.real_data("babi_graphs")
@pytest.mark.parametrize(("task", "count"), [(15, 4000), (16, 1000), (18, 2559), (19, 1000)])
def test_babis_graphs_are_read(task, count):
    parts = {split: babi_graphs.load("full", split, task) for split in ("train", "val", "test")}
    assert len(parts["train"]) + len(parts["val"]) == count
    for part in parts.values():
        assert part.sizes.unique().tolist() == [babi_graphs.NODES[task]]
        assert int(part.kinds.max()) < babi_graphs.KINDS[task]
        assert int(part.y.max()) < babi_graphs.ANSWERS[task]
