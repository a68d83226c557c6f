"""What holds for every data set: the same on every machine, split without overlap."""

import importlib

import pytest

from course_utils.data import (
    DATASETS,
    fingerprint,
)
from course_utils.data.splits import SPLITS

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
    "small_programs": "ce44e0371d674f71",
    "omniglot": "d6265dcae573d5f0",
}
# The same, but for last bits, on a processor with AVX-512 (of omniglot by NumPy, which gives the print above without).
ROUNDED = {"omniglot": "961ef91ebf497398", "poses": "3cf6103df4b40c99"}


def module(name):
    return importlib.import_module(f"course_utils.data.{name}")


@pytest.mark.parametrize("name", MINI)
def test_a_mini_tier_is_the_same_on_every_machine(name):
    assert fingerprint(name, "mini")[:16] in (PRINTS[name], ROUNDED.get(name))


@pytest.mark.parametrize("name", MINI)
def test_a_mini_tier_loads_without_files(name, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.delenv("COURSE_DATA_MIRROR", raising=False)
    load = module(name).load
    for split in SPLITS:
        load("mini", split)
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


@pytest.mark.parametrize("data", DATASETS.values(), ids=lambda data: data.name)
def test_a_row_says_what_is_generated_whose_it_is_and_where_it_lives(data):
    assert data.home.startswith(("https://", "http://")) if data.files else not data.home.startswith("the ")
    assert data.licence
    assert "generated" not in data.licence  # that is said of the mini tier
    assert not (data.home and data.licence == "the course's own")
