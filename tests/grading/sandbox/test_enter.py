"""What a student's process cannot do. Each line is tried inside the sandbox and must be refused there."""

import os
import time
from pathlib import Path

import pytest

from course_utils.grading.engine.proxy import Interrupted, Trusted
from course_utils.grading.kernel.warm import Warm
from course_utils.grading.sandbox.layers import choose
from course_utils.grading.sandbox.limits import Limits
from tests.grading.sandbox import environment

SECRET = Path(__file__).resolve()
SOLUTIONS = SECRET.parents[3] / "solutions"
LIMITS = Limits(memory=1 << 30, scratch=8 << 20, file=4 << 20, cpu_seconds=20)


@pytest.fixture
def cell(warm):
    """A function that runs one cell in a fresh kernel."""
    kernel = warm.fork(LIMITS, "convolution")
    peer = Trusted(kernel.channel)

    def run(source, seconds=20):
        peer.until = time.monotonic() + seconds
        return peer.ask("cell", source, "attack")

    run.layers = kernel.layers
    yield run
    kernel.close()


def printed(result):
    """What a cell printed, last value included."""
    assert result["ok"], result["error"]
    return "".join(text for _, text in result["outputs"]).strip()


def test_every_layer_holds_here(cell):
    assert set(cell.layers) >= {"rlimits", "seccomp"}
    assert {"namespaces", "landlock"} & set(cell.layers)
    assert list(cell.layers) == list(choose()[0].held)  # what `course doctor` says


@pytest.mark.parametrize(
    "attack",
    [
        f"open({str(SECRET)!r})",
        "open('/etc/shadow')",
        "import os; os.listdir('/home')",
        f"open({str(SOLUTIONS / 'convolution' / 'lab.py')!r})",
        f"open({str(SOLUTIONS / 'convolution' / 'reference.py')!r})",
        f"open({str(SOLUTIONS / 'convolution' / 'reference.safetensors')!r})",
        f"open({str(SOLUTIONS / 'depth' / 'reference.safetensors')!r})",
        f"import os; os.listdir({str(SECRET.parents[3] / '.git')!r})",
        "import solutions.convolution.reference",
        "open('/usr/lib/planted', 'w')",
        "import torch; open(torch.__file__, 'a')",
        "import course_utils; open(course_utils.__file__, 'a')",
        "open('/dev/shm/planted', 'w')",
        "open('/planted', 'w')",
        "open('/dev/planted', 'w')",
        "open('/proc/1/mem', 'rb').read(1); open('/proc/sys/kernel/hostname', 'w')",
        "import socket; socket.socket(socket.AF_INET)",
        "import socket; socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
        "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:1')",
        "import os; os.fork()",
        "import subprocess; subprocess.run(['/bin/true'])",
        "import os; assert os.system('true') == 0",
        "import os; os.execv('/bin/true', ['true'])",
        "import multiprocessing as m; p = m.get_context('fork').Process(target=print); p.start()",
        "import os; os.setuid(0)",
        "import os; os.chroot('/')",
        "import os; os.unshare(0) if hasattr(os, 'unshare') else 1 / 0",
        "import ctypes; assert ctypes.CDLL(None).unshare(0x10000000) == 0",
        "import ctypes; assert ctypes.CDLL(None).ptrace(0, 0, 0, 0) == 0",
        "import ctypes; assert ctypes.CDLL(None).mount(b'x', b'/scratch', b'tmpfs', 0, b'') == 0",
        "import os; os.mknod('/scratch/work/null', 0o020666, os.makedev(1, 3))",
        "import os; os.memfd_create('x')",
        "x = bytearray(3 << 30)",
        "import torch; torch.ones(1 << 30)",
        "open('big', 'wb').write(bytes(5 << 20))",
        "for i in range(20): open(f'big{i}', 'wb').write(bytes(1 << 20))",
        "for i in range(20_000): open(f'small{i}', 'w').close()",
        "files = [open(f'f{i}', 'w') for i in range(300)]",
        "import os; os.setpriority(os.PRIO_PROCESS, 0, -5)",
        "import resource as r; r.setrlimit(r.RLIMIT_AS, (-1, -1))",
        "import os; os.kill(os.getppid() or -1, 9); assert os.getppid()",
    ],
)
def test_refused(cell, attack):
    result = cell(attack)
    assert not result["ok"], f"this went through: {attack}"


def test_nothing_of_the_machine_is_seen(cell, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    seen = printed(
        cell("import os\nprint(os.environ, open('/proc/self/environ').read(), os.listdir('/proc'))")
    )
    assert "hunter2" not in seen
    pids = printed(cell("print([p for p in os.listdir('/proc') if p.isdigit()])"))
    assert pids == "['1']"
    assert "root" not in printed(cell("import getpass, pwd; print(getpass.getuser(), len(pwd.getpwall()))"))
    assert (
        printed(cell("print(open('/proc/net/dev').read().count(':'))")) == "1"
    )  # a loopback of its own, down


def test_threads_are_bounded_and_work(cell):
    assert (
        printed(cell("import threading\nt = threading.Thread(target=print, args=(1,)); t.start(); t.join()"))
        == "1"
    )
    bomb = "import time\nfor _ in range(500): threading.Thread(target=time.sleep, args=(9,), daemon=True).start()"
    assert not cell(bomb)["ok"]


def test_kernels_are_counted_apart(warm):
    start = "threading.Thread(target=time.sleep, args=(5,), daemon=True).start()"
    many = f"import threading, time\nfor _ in range(12): {start}"
    kernels = [warm.fork(Limits()) for _ in range(3)]
    for kernel in kernels:
        peer = Trusted(kernel.channel)
        peer.until = time.monotonic() + 20
        assert peer.ask("cell", many, "many")["ok"]
    for kernel in kernels:
        kernel.close()


def test_the_scratch_folder_is_the_student_s_own_and_empty(cell):
    assert printed(cell("import os\nprint(os.listdir(), os.getcwd() == os.environ['HOME'])")) == "[] True"
    assert printed(cell("open('notes.txt', 'w').write('x'); print(open('notes.txt').read())")) == "x"
    assert printed(cell("import tempfile\nwith tempfile.TemporaryFile() as f: print(f.write(b'ab'))")) == "2"


def test_cpu_time_is_bounded(warm):
    kernel = warm.fork(Limits(cpu_seconds=1))
    peer = Trusted(kernel.channel)
    peer.until = time.monotonic() + 30
    with pytest.raises(Interrupted) as lost:
        peer.ask(
            "cell", "while True:\n    try:\n        while True: pass\n    except BaseException: pass", "loop"
        )
    assert not lost.value.late
    kernel.close()


def test_nothing_is_left_when_the_warm_process_is_killed():
    warm = Warm()
    kernel = warm.fork(Limits())
    peer = Trusted(kernel.channel)
    peer.until = time.monotonic() + 20
    assert peer.ask("cell", "1", "one")["ok"]
    warm._process.kill()
    warm._process.wait()
    with pytest.raises(Interrupted):
        _ask_until_it_dies(peer)
    kernel.close()
    again = warm.fork(Limits())  # it comes back by itself
    again.close()
    warm.close()


def _ask_until_it_dies(peer):
    for _ in range(500):  # the signal needs a moment
        peer.ask("cell", "1", "one")
        time.sleep(0.01)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_gets_the_same_sandbox():
    """In a child process that has given up root: the layers are the same, and files stay out of reach."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write, _as_user().encode()[:4000])
        except BaseException as error:
            os.write(write, repr(error).encode()[:4000])
        os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    with os.fdopen(read) as pipe:
        told = pipe.read()
    assert told.startswith("['landlock', 'namespaces', 'rlimits', 'seccomp'] True False"), told


def _as_user():
    environment.enter("user")
    with Warm() as warm:
        kernel = warm.fork(Limits())
        peer = Trusted(kernel.channel)
        peer.until = time.monotonic() + 20
        fine = peer.ask("cell", "open('x', 'w').write('x')", "a")["ok"]
        bad = (
            peer.ask("cell", "open('/etc/shadow')", "a")["ok"]
            or peer.ask("cell", "import os; os.fork()", "a")["ok"]
        )
        told = f"{sorted(kernel.layers)} {fine} {bad}"
        kernel.close()
    return told
