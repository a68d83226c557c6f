"""Real data sets: how their files are read, and what is in them where they are at hand."""

import pickle
import sys
import tarfile

import numpy as np
import pytest
import torch

from course_utils.data import (
    DATASETS,
    DataError,
    binary_digits,
    byte_pictures,
    cifar10,
    cifar10_jpg,
    dyed_digits,
    list_functions,
    lynx_hare,
    mnist,
    mnist_m,
    physionet,
    shakespeare,
    signals,
    spoken_digits,
    squeezenet,
    sygus_strings,
    translation,
    usps,
)
from course_utils.data.splits import SPLITS
from course_utils.data.unpickle import arrays


def test_a_table_of_pelts_is_read(tmp_path, monkeypatch):
    path = tmp_path / "pelts.csv"
    path.write_text("# a remark\nYear, Lynx, Hare\n1900, 4.0, 30.0\n1901, 6.1, 47.2\n", encoding="utf-8")
    monkeypatch.setattr(lynx_hare, "fetch", lambda file: path)
    assert lynx_hare._pelts().tolist() == [[4, 30], [6.1, 47.2]]


def test_a_patient_is_read_into_bins_of_two_hours(tmp_path, monkeypatch):
    text = "Time,Parameter,Value\n00:00,RecordID,7\n00:00,Weight,-1\n00:10,HR,70\n01:50,HR,80\n47:59,pH,7.4\n"
    (tmp_path / "7.txt").write_text(text, encoding="utf-8")
    with tarfile.open(tmp_path / "set.tar.xz", "w:xz") as archive:
        archive.add(tmp_path / "7.txt", "set-a/7.txt")
    monkeypatch.setattr(physionet, "fetch", lambda file: tmp_path / "set.tar.xz")
    read = physionet._read()
    assert [place.tolist() for place in read["seen"].nonzero()] == [
        [0, 0, physionet.VARIABLES.index("HR")],
        [0, 23, physionet.VARIABLES.index("pH")],
    ]
    assert read["values"][read["seen"]].tolist() == pytest.approx([75, 7.4])


def test_a_slip_of_the_pen_counts_as_the_greatest_of_the_others():
    values = np.arange(200.0).reshape(10, 20, 1)
    values[0, 0] = 735_000
    standard = physionet._standard(values, values, np.ones(values.shape, bool))
    assert standard.max() < 2
    assert abs(standard.mean()) < 1e-9
    assert standard.std() == pytest.approx(1)


@pytest.mark.real_data("physionet", "lynx_hare")
def test_patients_and_pelts_are_all_there():
    parts = [physionet.load("full", split).tensors for split in SPLITS]
    assert [tuple(values.shape) for values, _ in parts] == [(700, 24, 37), (100, 24, 37), (200, 24, 37)]
    assert all((values[~seen] == 0).all() and 0.2 < seen.float().mean() < 0.3 for values, seen in parts)
    assert len(lynx_hare._pelts()) == lynx_hare.YEARS


def test_an_archive_of_cifar10_is_read_without_pickles(tmp_path, monkeypatch):
    rng = np.random.RandomState(0)
    rows = {f"data_batch_{i}.bin": rng.randint(0, 10, (4, 3073)).astype(np.uint8) for i in (1, 2)}
    rows["test_batch.bin"] = rng.randint(0, 10, (3, 3073)).astype(np.uint8)
    with tarfile.open(tmp_path / "c.tar.gz", "w:gz") as archive:
        for name, table in rows.items():
            (tmp_path / name).write_bytes(table.tobytes())
            archive.add(tmp_path / name, f"cifar-10-batches-bin/{name}")
    monkeypatch.setattr(cifar10, "fetch", lambda file: tmp_path / "c.tar.gz")
    read = cifar10._read()
    assert read["train_x"].shape == (8, 3, 32, 32)
    assert read["test_y"].tolist() == rows["test_batch.bin"][:, 0].tolist()
    assert read["train_x"][5, 1, 0, 2] == rows["data_batch_2.bin"][1, 1 + 1024 + 2]
    x, y = byte_pictures.part(read, "val", 2).tensors
    assert x.max() <= 1
    assert len(y) == 2


def test_copies_of_cifar10_are_read_where_only_they_are_at_hand(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(tmp_path / "mirror"))
    assert cifar10.form() == "cifar10"  # nothing is at hand: the original is asked for
    for name, due in (("cifar10_jpg", "cifar10_jpg"), ("cifar10", "cifar10")):
        path = tmp_path / "mirror" / DATASETS[name].files[0].path
        path.parent.mkdir(parents=True)
        path.touch()
        assert cifar10.form() == due


def test_copies_of_cifar10_are_numbered_by_class_and_put_into_one_order():
    named = [(f"train/{name}/{n:04}.jpg", np.full((3, 1, 1), 10 * n)) for n in range(3) for name in "ba"]
    found = cifar10_jpg._stack("train", named)
    assert found["train_y"].bincount().tolist() == [3, 3]
    again = cifar10_jpg._stack("train", named[::-1])
    assert all((found[key] == again[key]).all() for key in found)


def test_a_layer_of_squeezenet_worked_by_hand():
    codebook = np.array([0, 5, 7], np.float32)
    # Gaps 1, 0, 2: places 1, 2, 5. The low half of a byte comes first.
    weights = squeezenet._weights((2, 3), codebook, np.array([1, 2, 1]), np.array([0x01, 0x02], np.uint8))
    assert weights.tolist() == [[0, 5, 7], [0, 0, 5]]
    with pytest.raises(ValueError, match="the course's own net"):
        squeezenet.load("mini")


def test_a_pickle_that_asks_for_more_than_arrays_is_not_loaded(tmp_path):
    class Attack:
        def __reduce__(self):
            return (open, (str(tmp_path / "written"), "w"))

    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(Attack()))
    with pytest.raises(DataError, match="not a pickle of plain arrays"):
        arrays(path)
    assert not (tmp_path / "written").exists()
    path.write_bytes(b"garbage")
    with pytest.raises(DataError, match="not a pickle"):
        arrays(path)


@pytest.mark.real_data("mnist")
def test_mnist_is_mnist():
    x, y = mnist.load("full", "test").tensors
    assert torch.bincount(y).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert x.shape == (10_000, 1, 28, 28)
    assert len(mnist.load("full", "train")) == 55_000
    white, _ = binary_digits.load("full", "test").tensors
    assert set(white.unique().tolist()) == {0, 1}
    assert abs(white.mean() - x.mean()) < 0.001


@pytest.mark.real_data("mnist_m")
def test_no_digit_of_mnist_is_in_both_domains():
    (x, y), (other, its) = (mnist_m.load("full", "train", domain).tensors for domain in dyed_digits.DOMAINS)
    assert x.shape == (48_000, 3, 32, 32)
    assert other.shape == (6_000, 3, 32, 32)
    first = mnist.load("full", "train").tensors
    assert (first[1][:6_000] == its).all()  # picture i of MNIST-M is digit i of MNIST
    assert (first[1][7_000:] == y).all()


@pytest.mark.real_data("usps")
def test_usps_has_more_zeros_and_ones_than_other_digits():
    pytest.importorskip("h5py", reason="h5py is not installed, and USPS comes as HDF5")
    x, y = usps.load("full", "test").tensors
    assert x.shape == (2007, 1, 16, 16)
    assert y.bincount().tolist() == [359, 264, 198, 166, 200, 160, 170, 147, 166, 177]
    assert (x.min(), x.max()) == (0, 1)
    assert [len(usps.load("full", split)) for split in SPLITS] == [6291, 1000, 2007]


def test_a_machine_without_h5py_is_told_so(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "h5py", None)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.setattr(usps, "fetch", lambda file: tmp_path / file.path)
    with pytest.raises(
        DataError, match=r"usps.h5: HDF5 is read with h5py, which is not here; pip install h5py"
    ):
        usps.load("full", "test")


@pytest.mark.real_data("signals")
def test_mnist1d_is_read_from_its_pickle():
    x, y = signals.load("full", "test").tensors
    assert x.shape == (1000, 40)
    assert set(y.tolist()) == set(range(10))
    assert len(signals.load("full", "train")) == 3500


@pytest.mark.real_data("cifar10_jpg")
def test_jpegs_of_cifar10_are_balanced():
    x, y = cifar10_jpg.load("full", "test").tensors
    assert x.shape == (10_000, 3, 32, 32)
    assert torch.bincount(y).tolist() == [1000] * 10
    assert len(cifar10_jpg.load("full", "train")) == 45_000


@pytest.mark.real_data("spoken_digits")
def test_spoken_digits_have_six_speakers():
    waves, digit, speaker, length = spoken_digits.load("full", "test").tensors
    assert torch.bincount(digit).tolist() == [30] * 10
    assert torch.bincount(speaker).tolist() == [50] * 6
    assert waves.abs().max() <= 1
    assert 0.3 < length.float().mean() / spoken_digits.RATE["full"] < 0.6


@pytest.mark.real_data("shakespeare")
def test_tiny_shakespeare_has_65_characters():
    text = shakespeare.load("full", "train")
    assert len(text.alphabet) == 65
    assert len(text.codes) == 1_115_394 * 90 // 100


@pytest.mark.real_data("translation")
def test_multi30k_is_aligned():
    pairs = translation.load("full", "train")
    assert len(pairs) == 29_000 == len(pairs.target)
    assert pairs.source[0].startswith("Two young, White males")
    assert pairs.target[0].startswith("Deux jeunes hommes blancs")


@pytest.mark.real_data("squeezenet")
def test_squeezenet_knows_a_cat():
    pictures = pytest.importorskip("skimage.data")
    cat = torch.from_numpy(pictures.chelsea()[:, 75:375]).permute(2, 0, 1)[None] / 255
    x = squeezenet.prepare(torch.nn.functional.interpolate(cat, (227, 227), mode="bilinear", antialias=True))
    assert _squeezenet(x).argmax().item() in (281, 282, 285)  # tabby, tiger cat, Egyptian cat


def _squeezenet(x):
    from torch.nn import functional as F

    w = squeezenet.load()

    def conv(x, name, **options):
        return F.relu(F.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], **options))

    x = F.max_pool2d(conv(x, "features.0", stride=2), 3, 2, ceil_mode=True)
    for number in (3, 4, 5, 7, 8, 9, 10, 12):
        squeezed = conv(x, f"features.{number}.squeeze")
        expanded = [conv(squeezed, f"features.{number}.expand1x1")]
        expanded.append(conv(squeezed, f"features.{number}.expand3x3", padding=1))
        x = torch.cat(expanded, 1)
        x = F.max_pool2d(x, 3, 2, ceil_mode=True) if number in (5, 10) else x
    return conv(x, "classifier.1", padding=1).mean((2, 3))


@pytest.mark.real_data("list_functions", "sygus_strings")
def test_real_tasks_are_read_and_none_stands_in_two_splits():
    for module_, count, name in (
        (list_functions, 200, "kth-largest with k=2"),
        (sygus_strings, 29, "initials-long"),
    ):
        val, test = (module_.load("full", split) for split in ("val", "test"))
        assert len(val) + len(test) == count
        assert not val.keys() & test.keys()
        assert not module_.load("full", "train")
        assert name in val | test
        assert all(len({repr(given) for given, _ in task}) == len(task) for task in (val | test).values())


def test_a_task_of_strings_is_read_from_its_constraints():
    text = '(constraint (= (f "a ""b""" "c") "x"))\n(constraint (= (f "d") 3))\n(constraint (= (f "e)") "f"))'
    assert sygus_strings._examples(text) == [('a "b" c', "x"), ("e)", "f")]
