"""The layers of the sandbox: none stands in for another, and one that gives less than it seems is found out."""

import contextlib
import errno
import os
import resource
import sys
import time

import pytest

from course_utils import cli
from course_utils.grading import Limits, Warm
from course_utils.grading.engine.proxy import Interrupted, Trusted
from course_utils.grading.sandbox import bounds, files, landlock, layers, namespaces, proof, seccomp
from course_utils.grading.sandbox.enter import Unavailable, enter
from course_utils.grading.sandbox.layers import KINDS, Tried, attempt, choose, ready, start


def outcome(kind, spoil=lambda: None, unseen=()):
    """What becomes of a kernel of this kind, in a child where `spoil` was called first: "held", or the refusal.

    `unseen` are pieces of the machine that are left out of its view.
    """
    _, told = start(kind, trial=True)
    told["view"]["pieces"] = [path for path in told["view"]["pieces"] if path not in unseen]
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.closerange(3, write)  # what a test run holds open would be found
        os.closerange(write + 1, 256)
        with contextlib.suppress(BaseException):
            spoil()
            isolation = ready(told)
            if isolation.fork() == 0:
                try:
                    enter(Limits(), isolation)
                    os.write(write, b"held")
                except BaseException as error:
                    os.write(write, f"{type(error).__name__}: {error}".encode())
                os._exit(0)
            os.wait()
            isolation.close()
        os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    with os.fdopen(read) as pipe:
        return pipe.read()


def idle(module, name, value=None):
    """A function that makes a layer do nothing."""
    return lambda: setattr(module, name, lambda *_, **__: value)


def failing(module, name):
    """A function that makes a layer fail."""

    def fail(*_, **__):
        raise OSError(errno.EPERM, "not here")

    return lambda: setattr(module, name, fail)


SPOILT = {
    "namespaces, mounts that fail": ("namespaces", failing(namespaces, "_bind"), "namespaces: not here"),
    "namespaces that do nothing": ("namespaces", idle(namespaces, "enter"), "/scratch/work"),
    "Landlock that fails": ("landlock", failing(landlock, "restrict"), "landlock: not here"),
    "Landlock that does nothing": ("landlock", idle(landlock, "restrict"), "could still list /"),
    "seccomp that does nothing": ("namespaces", idle(seccomp, "restrict"), "could still reach the network"),
    "seccomp that fails": ("landlock", failing(seccomp, "restrict"), "seccomp: not here"),
    "no bounds": ("namespaces", idle(sys.modules[enter.__module__], "bound"), "could still take any memory"),
    "root that cannot be left": ("landlock", failing(namespaces, "leave_root"), "rlimits: not here"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_layer_that_does_not_hold_ends_it(name):
    kind, spoil, reason = SPOILT[name]
    if attempt(kind).why:
        pytest.skip(f"{kind}: {attempt(kind).why}")
    assert outcome(kind) == "held"
    told = outcome(kind, spoil)
    assert told.startswith("Unavailable: ")
    assert reason in told
    assert "\n" not in told


def test_nothing_else_stands_in_for_landlock_where_files_are_the_machine_s():
    if attempt("landlock").why:
        pytest.skip(f"landlock: {attempt('landlock').why}")
    told = outcome("landlock", idle(seccomp, "restrict"))
    assert told.startswith("Unavailable: students' code could still ")


@pytest.mark.skipif(sys.prefix == sys.base_prefix, reason="not in a virtual environment")
@pytest.mark.parametrize("kind", ["namespaces", "landlock"])
def test_packages_that_cannot_be_reached_are_found_out(kind):
    if attempt(kind).why:
        pytest.skip(f"{kind}: {attempt(kind).why}")
    assert outcome(kind, unseen=[os.path.realpath(sys.prefix)]).startswith("Unavailable: ")


def test_what_python_needs_must_be_there(tmp_path):
    outside = proof.Outside({}, {}, (str(tmp_path / "gone"),))
    assert (
        proof.leak(outside, Limits(), 0)
        == f"Python needs {tmp_path}/gone, which cannot be reached from inside"
    )


def test_the_first_kind_that_holds_is_chosen(monkeypatch):
    found = {"namespaces": "not here", "bubblewrap": "it died", "landlock": ""}
    monkeypatch.setattr(layers, "attempt", lambda kind: Tried(kind, why=found[kind]))
    chosen, failed = choose()
    assert chosen.kind == "landlock"
    assert [tried.kind for tried in failed] == ["namespaces", "bubblewrap"]
    with pytest.raises(
        Unavailable, match=r"machine: namespaces: not here; bubblewrap: it died\. Install bubblewrap"
    ):
        choose(("namespaces", "bubblewrap"))


def test_elsewhere_than_on_linux_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(sys, "platform", "darwin")
    attempt.cache_clear()
    assert attempt("landlock").why == "it needs Linux"
    attempt.cache_clear()
    assert cli.main(["doctor"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_kind_that_dies_says_its_last_words(monkeypatch):
    monkeypatch.setattr(
        layers, "TRIAL", "import sys; print('first', file=sys.stderr); sys.exit('last words')"
    )
    attempt.cache_clear()
    assert attempt("landlock") == Tried("landlock", why="last words")
    attempt.cache_clear()


@pytest.mark.parametrize("kind", KINDS)
def test_a_warm_process_of_every_kind(kind, tmp_path, monkeypatch):
    """Two kernels after one another: late imports and figures work, a net is shown by need, nothing is left behind."""
    if attempt(kind).why:
        pytest.skip(f"{kind}: {attempt(kind).why}")
    # A folder of its own for what is temporary: beside this test others have theirs under /tmp.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = {*os.listdir("/")}
    with Warm(kinds=(kind,)) as warm:
        for key, net in (("transfer", True), ("depth", False)):
            kernel = warm.fork(Limits(), key)
            peer = Trusted(kernel.channel)
            peer.until = time.monotonic() + 60
            for cell in (
                "%%time\nopen('mine', 'x').write('x')",
                "import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.title('late'); plt.show()",
                "from tqdm.auto import tqdm\nlist(tqdm(range(3)))",
                "import sklearn.svm, scipy.signal, torch\ntorch.ones(3).sum()",
            ):
                answer = peer.ask("cell", cell, "a")
                assert answer["ok"], answer["error"]
            load = "from course_utils.training import pretrained\npretrained.load('mini')"
            assert peer.ask("cell", load, "a")["ok"] == net
            for attack in ("open('/etc/shadow')", "import os; os.fork()", "import socket; socket.socket()"):
                assert not peer.ask("cell", attack, "a")["ok"], attack
            assert kernel.layers == attempt(kind).held
            kernel.close()
    assert not ({*os.listdir("/")} - before), "a warm process leaves nothing behind on the host"
    assert not os.listdir(tmp_path), "nor among what is temporary"


def test_a_folder_on_disk_is_bounded_too():
    if attempt("landlock").why:
        pytest.skip(f"landlock: {attempt('landlock').why}")
    with Warm(kinds=("landlock",)) as warm:
        kernel = warm.fork(Limits(scratch=8 << 20, file=4 << 20))
        peer = Trusted(kernel.channel)
        peer.until = time.monotonic() + 60
        assert peer.ask("cell", "open('fits', 'wb').write(bytes(4 << 20))", "a")["ok"]
        with pytest.raises(Interrupted) as lost:
            peer.ask(
                "cell",
                "import time\nfor i in range(4): open(f'{i}', 'wb').write(bytes(4 << 20))\ntime.sleep(60)",
                "a",
            )
        assert not lost.value.late
        kernel.close()


def test_only_labs_that_build_on_a_net_see_it():
    assert files.nets("transfer") == ["depth"]
    assert files.nets("depth") == files.nets("convolution") == files.nets("../depth") == []
    assert not [path for path in files.records() if path.endswith(".safetensors")]
    assert [path for path in files.records(["depth"]) if path.endswith("depth/reference.safetensors")]


def test_hidden_folders_within_python_s_are_cut_out(tmp_path):
    for name in ("lib/packages", "src/course/solutions/depth", "src/course/course_utils"):
        (tmp_path / name).mkdir(parents=True)
    hidden = str(tmp_path / "src" / "course" / "solutions")
    shown = files.View([str(tmp_path)], {}, [hidden]).around()
    assert shown == [str(tmp_path / "lib"), str(tmp_path / "src" / "course" / "course_utils")]


def test_links_are_followed_step_by_step(tmp_path):
    (tmp_path / "a" / "real").mkdir(parents=True)
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "a" / "c").symlink_to(tmp_path / "b" / "real")
    links = {}
    assert files._followed(f"{tmp_path}/b/c/../real", links) == str(tmp_path / "a" / "real")
    assert links == {f"{tmp_path}/b": "a", f"{tmp_path}/a/c": f"{tmp_path}/b/real"}


def test_a_grader_s_bound_of_memory_is_not_a_student_s():
    pid = os.fork()
    if pid == 0:
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (bounds.mapped() + (64 << 20), hard))
        bounds.unbound_memory()
        os._exit(resource.getrlimit(resource.RLIMIT_AS) != (hard, hard))
    assert os.waitpid(pid, 0)[1] == 0


def test_the_filter_s_names_are_known_here():
    """A name that libseccomp does not know would be skipped in silence: it may only be one of another machine."""
    known = seccomp.library().seccomp_syscall_resolve_name
    names = {rule.call for rule in seccomp.rules(own_files=False, serving=True)}
    assert [name for name in names if known(name.encode()) == -1] == []


def test_unsandboxed_says_so(unsandboxed):
    kernel = unsandboxed.fork(Limits())
    assert kernel.layers == ()
    peer = Trusted(kernel.channel)
    peer.until = time.monotonic() + 20
    assert peer.ask("cell", "import os\nassert os.listdir() == [] and os.getcwd() != '/'", "a")["ok"]
    kernel.close()
