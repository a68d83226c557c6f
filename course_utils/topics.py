"""The table of topics. The book's contents, the labs' bars, the tests and the commands iterate over it.

A topic is one row here and one folder `solutions/<key>/`, with its chapter in `book/<key>.md`.
"""

from dataclasses import dataclass
from pathlib import Path

# The one place that knows where the course lives: links of chapters and labs to Colab are made from it.
REPOSITORY = "https://github.com/neurons-to-neural-odes/neurons-to-neural-odes"
BRANCH = "main"

ROOT = Path(__file__).resolve().parent.parent
CLASSROOM = "classroom"  # the folder of submissions, marks and feedback


@dataclass(frozen=True)
class Topic:
    """One topic of the course.

    `minutes` is a student's working time on the lab; `minutes_cpu` and `minutes_gpu` are the run time of its mini tier
    on a laptop and of its full tier on a Colab GPU. `margin` is how far the reference must stand from its baseline, in
    the metric's unit, for the mini tier to count as learned. `target` is the full tier's goal, from `paper` (a key of
    `book/references.bib`) or from the course's own aim. A `draft` has a chapter and a lab that can be read and done,
    but no finished audit yet: `--all` does not grade it.
    """

    key: str
    title: str
    part: str
    points: int
    minutes: int
    minutes_cpu: float
    minutes_gpu: float
    data_mini: str
    data_full: str
    paper: str
    metric: str
    higher_is_better: bool
    margin: float
    target: float | None
    draft: bool = False

    @property
    def solution_folder(self) -> Path:
        """`solutions/<key>/`: the lab, its reference and its answers."""
        return ROOT / "solutions" / self.key

    @property
    def page(self) -> Path:
        """`book/<key>.md`: the chapter's source."""
        return ROOT / "book" / f"{self.key}.md"

    @property
    def release(self) -> Path:
        """`labs/<key>/<key>.ipynb`: what a student opens."""
        return ROOT / "labs" / self.key / f"{self.key}.ipynb"

    @property
    def colab_url(self) -> str:
        """Address that opens the release in Colab."""
        path = REPOSITORY.removeprefix("https://github.com/")
        return (
            f"https://colab.research.google.com/github/{path}/blob/{BRANCH}/labs/{self.key}/{self.key}.ipynb"
        )


# A line for each group of facts, so that rows can be compared: the formatter leaves the table alone.
TOPICS: tuple[Topic, ...] = (
    Topic(
        key="neurons", title="Neurons", part="Foundations",
        points=24, minutes=80, minutes_cpu=0.2, minutes_gpu=1,
        data_mini="points", data_full="points",
        paper="rumelhart1986", metric="test accuracy on the spiral",
        higher_is_better=True, margin=0.2, target=0.97,
    ),
    Topic(
        key="convolution", title="Convolution", part="Foundations",
        points=30, minutes=90, minutes_cpu=0.5, minutes_gpu=3,
        data_mini="digits", data_full="mnist",
        paper="lecun1998", metric="test accuracy",
        higher_is_better=True, margin=0.02, target=0.993,
    ),
    Topic(
        key="training", title="Making the badness small", part="Foundations",
        points=36, minutes=125, minutes_cpu=0.1, minutes_gpu=3,
        data_mini="signals", data_full="fashion_mnist",
        paper="he2015", metric="test accuracy of a net of 20 layers",
        higher_is_better=True, margin=0.15, target=0.88,
    ),
    Topic(
        key="depth", title="From LeNet to ResNet, DenseNet and U-Net", part="Depth",
        points=38, minutes=100, minutes_cpu=0.6, minutes_gpu=25,
        data_mini="cifar10", data_full="cifar10",
        paper="he2016", metric="test accuracy",
        higher_is_better=True, margin=0.4, target=0.9125,
    ),
    Topic(
        key="transfer", title="Transfer", part="Depth",
        points=31, minutes=95, minutes_cpu=0.5, minutes_gpu=6,
        data_mini="coloured_digits", data_full="cifar10",
        paper="yosinski2014", metric="test accuracy from few examples",
        higher_is_better=True, margin=0.2, target=0.75,
    ),
    Topic(
        key="layerwise", title="One layer at a time", part="Depth",
        points=34, minutes=75, minutes_cpu=0.3, minutes_gpu=8,
        data_mini="signals", data_full="cifar10",
        paper="belilovsky2018", metric="test accuracy",
        higher_is_better=True, margin=0.4, target=0.85,
    ),
    Topic(
        key="autoregressive", title="One pixel at a time", part="One step at a time",
        points=39, minutes=190, minutes_cpu=0.3, minutes_gpu=45,
        data_mini="binary_digits", data_full="binary_digits, mnist",
        paper="oord2016pixel", metric="nats a digit",
        higher_is_better=False, margin=6.0, target=81.3,
    ),
    Topic(
        key="waveforms", title="One sample at a time", part="One step at a time",
        points=39, minutes=180, minutes_cpu=0.1, minutes_gpu=12,
        data_mini="spoken_digits", data_full="spoken_digits",
        paper="oord2016wavenet", metric="bits a sample",
        higher_is_better=False, margin=0.4, target=None,
    ),
    Topic(
        key="recurrence", title="One letter at a time", part="One step at a time",
        points=34, minutes=120, minutes_cpu=0.2, minutes_gpu=1,
        data_mini="tales", data_full="shakespeare",
        paper="mikolov2010", metric="nats a character",
        higher_is_better=False, margin=0.1, target=1.55,
    ),
    Topic(
        key="attention", title="Looking back", part="One step at a time",
        points=32, minutes=120, minutes_cpu=0.3, minutes_gpu=4,
        data_mini="reversals", data_full="translation",
        paper="bahdanau2015", metric="reversed without an error (mini), BLEU from 0 to 1 (full)",
        higher_is_better=True, margin=0.5, target=0.45,
    ),
    Topic(
        key="transformers", title="Transformers", part="One step at a time",
        points=40, minutes=180, minutes_cpu=0.5, minutes_gpu=25,
        data_mini="arithmetic", data_full="shakespeare",
        paper="vaswani2017", metric="nats a character",
        higher_is_better=False, margin=0.5, target=1.48,
    ),
    Topic(
        key="memory", title="Machines that read and write", part="One step at a time",
        points=35, minutes=120, minutes_cpu=0.2, minutes_gpu=3,
        data_mini="babi", data_full="babi",
        paper="sukhbaatar2015", metric="share of questions answered right",
        higher_is_better=True, margin=0.3, target=0.86,
    ),
    Topic(
        key="odes", title="Layers without number", part="One step at a time",
        points=40, minutes=120, minutes_cpu=0.2, minutes_gpu=2,
        data_mini="spirals", data_full="spirals, mnist, physionet, lynx_hare",
        paper="chen2018", metric="test error",
        higher_is_better=False, margin=0.3, target=0.005,
    ),
    Topic(
        key="flows", title="There and back", part="One step at a time",
        points=35, minutes=115, minutes_cpu=0.3, minutes_gpu=3,
        data_mini="densities", data_full="densities, mnist",
        paper="grathwohl2019", metric="nats a point",
        higher_is_better=False, margin=0.8, target=1.75,
    ),
    Topic(
        key="correspondence", title="Which point is which", part="Beyond",
        points=40, minutes=120, minutes_cpu=0.5, minutes_gpu=4,
        data_mini="warps", data_full="warps, squeezenet",
        paper="rocco2018", metric="share of correct points",
        higher_is_better=True, margin=0.3, target=None,
    ),
    Topic(
        key="alignment", title="The same in other clothes", part="Beyond",
        points=38, minutes=120, minutes_cpu=0.1, minutes_gpu=2,
        data_mini="dyed_digits", data_full="mnist_m",
        paper="ganin2016", metric="accuracy on a domain without labels",
        higher_is_better=True, margin=0.1, target=0.8,
    ),
    Topic(
        key="translation", title="Nobody paired them", part="Beyond",
        points=35, minutes=120, minutes_cpu=0.2, minutes_gpu=1,
        data_mini="house_numbers, poses, cipher", data_full="house_numbers, mnist",
        paper="taigman2017", metric="accuracy of a judge on translated digits",
        higher_is_better=True, margin=0.3, target=0.84,
    ),
    Topic(
        key="graphs", title="Whatever you call them", part="Beyond",
        points=37, minutes=120, minutes_cpu=0.3, minutes_gpu=1,
        data_mini="energies, cora", data_full="cora",
        paper="kipf2017", metric="test error",
        higher_is_better=False, margin=3.0, target=0.185,
    ),
    Topic(
        key="metalearning", title="Learning to learn", part="Beyond",
        points=33, minutes=120, minutes_cpu=0.4, minutes_gpu=2,
        data_mini="omniglot", data_full="omniglot",
        paper="snell2017", metric="share right, five ways, one shot",
        higher_is_better=True, margin=0.25, target=0.985,
    ),
    Topic(
        key="programs", title="The net is the program", part="Beyond",
        points=37, minutes=120, minutes_cpu=0.7, minutes_gpu=10,
        data_mini="binary_sums", data_full="binary_sums, small_programs",
        paper="kaiser2016", metric="share without an error, far beyond what was learned from",
        higher_is_better=True, margin=0.3, target=0.99,
    ),
    Topic(
        key="synthesis", title="Nets that write programs", part="Beyond",
        points=34, minutes=120, minutes_cpu=0.3, minutes_gpu=8,
        data_mini="list_functions, sygus_strings", data_full="list_functions, sygus_strings",
        paper="balog2017", metric="share of programs found",
        higher_is_better=True, margin=0.3, target=None,
    ),
)  # fmt: skip

KEYS: tuple[str, ...] = tuple(row.key for row in TOPICS)
# Topics whose labs may be graded: their audit has passed.
PROVEN: tuple[str, ...] = tuple(row.key for row in TOPICS if not row.draft)


class UnknownKey(ValueError):
    """A name that is no topic's key; the message lists the keys."""


def topic(key: str) -> Topic:
    """The row of `key`.

    Raises:
        UnknownKey: there is no such topic.
    """
    for row in TOPICS:
        if row.key == key:
            return row
    raise UnknownKey(f"no topic is called {key!r}; choose one of: {', '.join(KEYS)}")
