"""In every environment that machines offer the sandbox holds, or says in one line that it does not, and what to do."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from course_utils.grading.sandbox import bubblewrap
from course_utils.grading.sandbox.layers import attempt
from course_utils.topics import ROOT
from tests.grading.sandbox import environment

OWN = ["namespaces", "rlimits", "landlock", "seccomp"]
WRAPPED = ["bubblewrap", "rlimits", "landlock", "seccomp"]
RULES = ["rlimits", "landlock", "seccomp"]
# Words of `environment`, kinds that will do (all, where none is named), the layers that a kernel gets.
ENVIRONMENTS = {
    "root": ("", "", OWN),
    "root without bubblewrap": ("bare", "", OWN),
    "user": ("user", "", OWN),
    "user without bubblewrap": ("user bare", "", OWN),
    "root of a user namespace": ("userns bare", "", OWN),
    "root of a user namespace with a masked /proc": ("userns masked bare", "", OWN),
    "root in bubblewrap": ("", "bubblewrap", WRAPPED),
    "user in bubblewrap": ("user", "bubblewrap", WRAPPED),
    "root, namespaces forbidden": ("forbidden", "", RULES),
    "user, namespaces forbidden": ("user forbidden bare", "", RULES),
    "user, namespaces that seem to work": ("user unmounted", "", RULES),
}
REFUSED = {
    "no namespaces, no Landlock": "forbidden no-landlock",
    "no namespaces, no Landlock, no bubblewrap": "user bare forbidden no-landlock",
    "no seccomp": "no-seccomp",
}


@pytest.fixture
def secret(tmp_path_factory):
    """A file that everybody may read and change outside, in a folder that everybody may enter."""
    folder = tmp_path_factory.mktemp("outside")
    for place in (folder, *folder.parents):
        if place.stat().st_uid == os.geteuid() and not place.stat().st_mode & 0o001:
            place.chmod(0o755)
    folder.chmod(0o777)
    file = folder / "secret"
    file.write_text("a secret")
    file.chmod(0o666)
    return file


def needs(words):
    """Skip where this machine cannot make the environment."""
    if not sys.platform.startswith("linux"):
        pytest.skip("the sandbox is Linux's")
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            environment.enter(*words)
            os.access(sys.executable, os.X_OK) and os.access(ROOT / "pyproject.toml", os.R_OK) and os._exit(0)
        os._exit(1)
    if os.waitpid(pid, 0)[1]:
        pytest.skip(
            f"this machine cannot make the environment {' '.join(words)!r}, or Python is private in it"
        )


def run(words, *command, **more):
    """A command's outcome in an environment."""
    here = [sys.executable, "-m", "tests.grading.sandbox.environment", *words, "--", sys.executable, "-m"]
    return subprocess.run([*here, *command], cwd=ROOT, capture_output=True, text=True, timeout=300, **more)


def inmate(words, secret, kinds=(), **more):
    """What `inmate` tells of an environment."""
    done = run(words, "tests.grading.sandbox.inmate", str(secret), *kinds, **more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def holds(told, layers):
    """Whether it held, and `course doctor` said the same."""
    assert told.get("held") == layers, told
    assert told["through"] == []
    assert told["lost"] == []
    assert told["doctor"]["code"] == 0


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_it_holds(name, secret):
    words, kinds, layers = ENVIRONMENTS[name]
    if kinds and bubblewrap.program() is None:
        pytest.skip("bubblewrap is not installed")
    if layers == RULES and attempt("landlock").why:
        pytest.skip(f"no Landlock here: {attempt('landlock').why}")
    needs(words.split())
    told = inmate(words.split(), secret, kinds.split())
    if layers == OWN and "landlock" not in told.get("held", ["landlock"]):
        layers = [layer for layer in layers if layer != "landlock"]
    holds(told, layers)
    if not kinds:
        assert f"Submissions are locked in by {', '.join(layers)}." in told["doctor"]["out"]
    assert secret.read_text() == "a secret"
    assert os.listdir(secret.parent) == ["secret"]


@pytest.mark.parametrize("name", REFUSED)
def test_it_says_that_it_does_not(name, secret):
    words = REFUSED[name].split()
    needs(words)
    told = inmate(words, secret)
    assert "held" not in told
    assert told["refused"].startswith("no sandbox for students' code on this machine: namespaces: ")
    assert "apt install bubblewrap" in told["refused"]
    assert told["doctor"]["code"] == 1
    assert told["doctor"]["err"] == f"course doctor: {told['refused']}\n"


def test_a_class_is_not_marked_without(tmp_path):
    words = ["forbidden", "no-landlock"]
    needs(words)
    folder = tmp_path / "submitted" / "ada" / "neurons"
    folder.mkdir(parents=True)
    (folder / "neurons.ipynb").write_bytes((ROOT / "labs" / "neurons" / "neurons.ipynb").read_bytes())
    command = ("course_utils", "grade", "neurons", "--workers", "1")
    done = run(words, *command, env={**os.environ, "COURSE_CLASSROOM": str(tmp_path)})
    assert done.returncode == 2
    last = [line for line in done.stderr.splitlines() if "Marking" not in line and line.strip()]
    assert len(last) == 1, done.stderr
    assert last[0].startswith("course grade: no sandbox for students' code on this machine: namespaces: ")


def linked(folder):
    """A Python, its packages, the checkout, home and classroom, each reached through a link; the environment."""
    venv = folder / "real-venv"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = venv / "lib" / version / "site-packages"
    packages.mkdir(parents=True)
    (venv / "bin").mkdir()
    (venv / "bin" / "python").symlink_to(os.path.realpath(sys.executable))
    (venv / "pyvenv.cfg").write_bytes((Path(sys.prefix) / "pyvenv.cfg").read_bytes())
    own = Path(sys.prefix) / "lib" / version / "site-packages"
    for entry in own.iterdir():
        if entry.name == "tqdm":  # a package made of links to its files
            for file in (path for path in entry.rglob("*") if path.is_file()):
                (packages / file.relative_to(own)).parent.mkdir(parents=True, exist_ok=True)
                (packages / file.relative_to(own)).symlink_to(file)
        else:
            (packages / entry.name).symlink_to(entry)
    for name, target in {
        "venv": venv,
        "course": ROOT,
        "home": folder / "real-home",
        "room": folder / "real-room",
    }.items():
        target.mkdir(exist_ok=True)
        (folder / name).symlink_to(target)
    (folder / "room" / "gradebook.db").write_text("marks")
    env = {**os.environ, "PYTHONPATH": str(folder / "course"), "HOME": str(folder / "home")}
    return env | {"COURSE_CLASSROOM": str(folder / "room")}


@pytest.mark.skipif(sys.prefix == sys.base_prefix, reason="not in a virtual environment")
@pytest.mark.parametrize("kind", ["namespaces", "bubblewrap", "landlock"])
def test_all_may_be_reached_through_links(kind, tmp_path):
    if attempt(kind).why:
        pytest.skip(f"{kind}: {attempt(kind).why}")
    env = linked(tmp_path)
    command = [str(tmp_path / "venv" / "bin" / "python"), "-m", "tests.grading.sandbox.inmate"]
    done = subprocess.run(
        [*command, str(tmp_path / "room" / "gradebook.db"), kind],
        cwd=tmp_path / "course",
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    holds(told, {"namespaces": OWN, "bubblewrap": WRAPPED, "landlock": RULES}[kind])
