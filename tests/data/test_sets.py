"""What each data set holds: facts that can be counted, the same on every machine."""

import importlib
import pickle
import sys
import tarfile
import time

import numpy as np
import pytest
import torch

from course_utils.data import (
    DATASETS,
    DataError,
    arithmetic,
    binary_digits,
    byte_pictures,
    cifar10,
    cifar10_jpg,
    densities,
    digits,
    dyed_digits,
    fingerprint,
    font_digits,
    list_functions,
    lynx_hare,
    mnist,
    mnist_m,
    physionet,
    points,
    shakespeare,
    shapes,
    signals,
    spirals,
    spoken_digits,
    squeezenet,
    sygus_strings,
    translation,
    usps,
)
from course_utils.data.splits import SPLITS
from course_utils.data.unpickle import arrays

MINI = [name for name in DATASETS if name != "squeezenet"]

# Hashes of all that the mini tiers hold. A change here changes what every record and every lab was measured on.
PRINTS = {
    "house_numbers": "fd971b520321d637",
    "poses": "e9fbb8c5845c8106",
    "cipher": "7bcc6602ae4b8cfd",
    "coloured_digits": "2280ebbbfcb6a2a6",
    "dyed_digits": "72ba24c0657e4e14",
    "mnist_m": "72ba24c0657e4e14",
    "font_digits": "d8a3948bee3ca0b5",
    "points": "a0d74e7957b8d50a",
    "densities": "37f7de322ecf3617",
    "spirals": "5456a06ab74914cb",
    "lynx_hare": "071f3b4acbe4c47a",
    "physionet": "b941f601a7328ccb",
    "energies": "d4d39e4f8f18ef30",
    "cora": "39dd554b4ca561a3",
    "molecules": "0a0527707e27caeb",
    "tudataset": "b630f4f51c86d162",
    "babi_graphs": "551afd06c8ab4ed7",
    "tales": "83b05e32d0be842a",
    "reversals": "1c5df2ea24f38140",
    "shapes": "91a46db1f9093d99",
    "aeroplanes": "b676e14559106e13",
    "warps": "0d1e5e59680a9a63",
    "arithmetic": "1d34315e5c54f969",
    "digits": "087271239e00201f",
    "mnist": "087271239e00201f",
    "usps": "087271239e00201f",
    "binary_digits": "54410b46273f2aaa",
    "fashion_mnist": "087271239e00201f",
    "cifar10": "2cf4754083d03fcb",
    "cifar10_jpg": "2cf4754083d03fcb",
    "signals": "21b0f5dd30e8ce36",
    "spoken_digits": "dfd8253a65568998",
    "shakespeare": "d8c1bbd417eb796b",
    "translation": "3e1d242d36d3645c",
    "babi": "4939dc0678fb8743",
    "list_functions": "219f53f57547949f",
    "sygus_strings": "f2803db65b3dcd9d",
    "binary_sums": "d5b40818e5988254",
    "small_programs": "6e2a1e27de2f1895",
    "omniglot": "d6265dcae573d5f0",
}


def module(name):
    return importlib.import_module(f"course_utils.data.{name}")


@pytest.mark.parametrize("name", MINI)
def test_a_mini_tier_is_the_same_on_every_machine(name):
    assert fingerprint(name, "mini")[:16] == PRINTS[name]


@pytest.mark.parametrize("name", MINI)
def test_a_mini_tier_loads_in_a_second_without_files(name, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.delenv("COURSE_DATA_MIRROR", raising=False)
    load = module(name).load
    begun = time.process_time()
    for split in SPLITS:
        load("mini", split)
    assert time.process_time() - begun < 2  # of processor time, for all three
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", MINI)
def test_wrong_names_are_refused(name):
    with pytest.raises(ValueError, match="expected a split"):
        module(name).load("mini", "dev")


@pytest.mark.parametrize(
    "name",
    ["digits", "mnist", "cifar10", "signals", "points", "densities", "spirals", "spoken_digits", "physionet"],
)
def test_no_example_stands_in_two_splits(name):
    rows = [
        {row.numpy().tobytes() for row in module(name).load("mini", split).tensors[0]} for split in SPLITS
    ]
    assert not rows[0] & rows[2]
    assert not rows[1] & rows[2]
    assert not rows[0] & rows[1]


def test_fingerprint_of_an_unknown_set():
    with pytest.raises(ValueError, match="no data set 'mnits'; there are points"):
        fingerprint("mnits", "mini")


def test_dyes_tell_the_class_and_white_digits_have_none():
    x, y = dyed_digits.load("mini", "train").tensors
    seen = (x.amax((2, 3))[:, None] - dyed_digits.HUES[None]).abs().sum(2).argmin(1)  # the nearest hue
    assert (seen == y).float().mean().item() == pytest.approx(
        0.955, abs=0.02
    )  # 95 of 100, and half a one by chance
    white = dyed_digits.load("mini", "train", "target").tensors[0]
    assert (white == white[:, :1]).all()
    assert not {row.numpy().tobytes() for row in white[:, 0]} & {row.numpy().tobytes() for row in x.amax(1)}
    with pytest.raises(ValueError, match="expected a domain of source, target, got 'both'"):
        dyed_digits.load("mini", "train", "both")
    with pytest.raises(ValueError, match="expected a domain"):
        mnist_m.load("full", "train", "both")


def test_printed_digits_have_holes_and_all_classes():
    x, y = font_digits.load("mini", "train").tensors
    assert y.bincount().tolist() == [120] * 10
    middle = x[:, 0, 3:5, 3:5].mean((1, 2))
    assert middle[y == 0].mean() < 0.2 < middle[y == 8].mean()


def test_a_sheet_of_pictures_is_cut_row_by_row():
    pictures = np.random.RandomState(0).randint(256, size=(150, 32, 32, 3)).astype(np.uint8)
    sheet = np.zeros((64, 3200, 3), np.uint8)
    for i, picture in enumerate(pictures):
        row, column = divmod(i, 100)
        sheet[row * 32 : row * 32 + 32, column * 32 : column * 32 + 32] = picture
    assert (mnist_m.cut(sheet, 150).numpy() == pictures.transpose(0, 3, 1, 2)).all()


@pytest.mark.parametrize("kind", densities.KINDS["full"])
def test_a_density_has_mass_one_and_its_points_have_its_entropy(kind):
    side = (torch.arange(240, dtype=torch.float64) + 0.5) / 240 * 6 - 3
    log_p = densities.log_density(kind, torch.cartesian_prod(side, side))
    assert log_p.exp().sum().item() * (6 / 240) ** 2 == pytest.approx(1, abs=0.01)
    x, number = densities.load("full", "test").tensors
    x = x[number == densities.KINDS["full"].index(kind)]
    assert x.mean(0).abs().max() < 0.06
    assert (x.var(0) - 1).abs().max() < 0.06
    inside = densities.log_density(kind, x)
    assert -inside[inside.isfinite()].mean().item() == pytest.approx(densities.entropy(kind), abs=0.05)
    assert inside.isfinite().float().mean() > 0.999  # rounding puts a few points beside the checkerboard


def test_a_density_of_another_name_is_refused():
    with pytest.raises(ValueError, match="expected a kind of moons"):
        densities.log_density("moon", torch.zeros(1, 2))


def test_digits_are_all_there():
    parts = [digits.load("mini", split).tensors for split in SPLITS]
    assert sum(len(x) for x, _ in parts) == 1797
    x, y = parts[0]
    assert x.shape[1:] == (1, 8, 8)
    assert x.dtype == torch.float32
    assert (x.min(), x.max()) == (0, 1)
    assert set(y.tolist()) == set(range(10))


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("xor", lambda x: x[:, 0] * x[:, 1] < 0),
        ("circle", lambda x: x.norm(dim=1) > 0.6),
        ("clusters", lambda x: x.sum(1) < 0),
    ],
)
def test_points_follow_their_rule(kind, rule):
    x, y = points.load("mini", "train", kind).tensors
    assert ((rule(x) == (y == 1)).float().mean()) > 0.98
    assert 0.4 < y.float().mean() < 0.6


def test_spirals_follow_their_field_and_fall_inwards():
    times, noisy, places = spirals.load("mini", "test").tensors
    assert times.shape == (100, 40)
    assert (times.diff(dim=1) > 0).all()
    assert (times[:, :20] <= spirals.END / 2).all()
    assert ((places[:, -1] ** 4).sum(1) < (places[:, 0] ** 4).sum(1)).all()  # the field lowers this sum
    assert (noisy - places).std().item() == pytest.approx(spirals.NOISE, rel=0.05)
    near = times.diff(dim=1) < 0.05  # over a short time the curve runs along the field at its middle
    middle = torch.from_numpy(spirals.field((places[:, 1:] + places[:, :-1]).numpy() / 2))
    speed = places.diff(dim=1) / times.diff(dim=1)[..., None]
    assert (speed - middle)[near].abs().median() < 0.03


def test_years_to_foretell_stand_in_no_other_stretch():
    train, val, test = (lynx_hare.load("mini", split).tensors[0] for split in SPLITS)
    assert train.shape == (4, 12, 2)
    torch.testing.assert_close(train[1, :-1], train[0, 1:])
    torch.testing.assert_close(test[0, :7], val[0, 5:])  # 1909 to 1915
    later = {tuple(year) for year in test[0, lynx_hare.SEEN :].tolist()}
    assert not later & {tuple(year) for year in [*train.flatten(0, 1).tolist(), *val[0].tolist()]}


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


def test_the_spiral_has_two_arms():
    x, y = points.load("full", "train", "spiral").tensors
    nearest = torch.cdist(x[:500], x[500:]).argmin(1)
    assert (y[500:][nearest] == y[:500]).float().mean() > 0.97  # neighbours share a class
    with pytest.raises(ValueError, match="expected a kind of xor"):
        points.load("mini", "train", "moons")


def test_a_line_does_not_tell_the_signals_apart_but_their_shape_does():
    x, y = signals.load("mini", "train").tensors
    z, labels = signals.load("mini", "test").tensors
    design = torch.cat([x, torch.ones(len(x), 1)], 1)
    weights = torch.linalg.lstsq(design, torch.nn.functional.one_hot(y).float()).solution
    guess = (torch.cat([z, torch.ones(len(z), 1)], 1) @ weights).argmax(1)
    assert (guess == labels).float().mean() < 0.5
    assert signals.templates().shape == (10, 12)
    assert torch.bincount(y).tolist() == [400] * 10


def test_masks_of_shapes_cover_what_is_seen():
    x, masks = shapes.load("mini", "test").tensors
    assert x.shape == (200, 1, 32, 32)
    assert masks.unique().tolist() == [0, 1, 2, 3]
    inside = (x[:, 0] - 0.5).abs()[masks > 0].mean()
    assert inside > 2 * (x[:, 0] - 0.5).abs()[masks == 0].mean()


def test_sums_are_right_and_new_in_every_split():
    lines = {}
    for split in SPLITS:
        (codes,) = arithmetic.load("mini", split).tensors
        lines[split] = {"".join(arithmetic.ALPHABET[code] for code in row) for row in codes}
        for line in lines[split]:
            sum_, result = line.split("=")
            a, b = sum_.split("+")
            assert int(a) + int(b) == int(result)
    assert not lines["train"] & lines["test"]


def test_french_moves_adjectives_and_agrees():
    pairs = [translation.load("mini", split) for split in SPLITS]
    french = {e: f for part in pairs for e, f in zip(part.source, part.target)}
    assert len(french) == 5200
    wanted = {
        "the small mouse sees a green house": "la petite souris voit une maison verte",
        "the blue bird does not want a big table": "l' oiseau bleu ne veut pas une grande table",
        "the dog follows a cat": "le chien suit un chat",
    }
    found = {english: french[english] for english in wanted if english in french}
    assert found
    assert found == {english: wanted[english] for english in found}
    assert not set(pairs[0].source) & set(pairs[2].source)


def test_text_goes_to_codes_and_back():
    text = shakespeare.load("mini", "train")
    assert text.decode(text.codes).startswith("Shall I compare thee to a summer's day?\n")
    assert text.decode(text.encode("love")) == "love"
    with pytest.raises(ValueError, match="got '#'"):
        text.encode("#")
    assert sum(len(shakespeare.load("mini", split).codes) for split in SPLITS) == len(
        shakespeare.whole("mini")
    )


def test_sounds_can_be_told_by_their_pitch():
    waves, sound, speaker, length = spoken_digits.load("mini", "train").tensors
    spectrum = torch.fft.rfft(waves).abs()
    hertz = spectrum.argmax(1) * spoken_digits.RATE["mini"] / spoken_digits.LENGTH["mini"]
    tone = (sound == 0) & (speaker == 0)
    assert hertz[tone].sub(80).abs().max() < 8
    assert all((wave[n:] == 0).all() for wave, n in zip(waves, length))


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
