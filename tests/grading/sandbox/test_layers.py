"""The layers of the sandbox: tried one by one, and in the combinations that machines offer."""

import contextlib
import io
import os
import tempfile
import time
from pathlib import Path

import pytest

from course_utils.grading import Limits, SandboxError, Warm
from course_utils.grading.engine.proxy import Trusted
from course_utils.grading.sandbox import bubblewrap, namespaces, seccomp, syscalls
from course_utils.grading.sandbox import enter as sandbox
from course_utils.grading.sandbox.bubblewrap import program
from course_utils.grading.sandbox.layers import layers


def test_layers_are_tried():
    found = {layer.name: layer for layer in layers()}
    assert found.keys() == {"namespaces", "bubblewrap", "landlock", "seccomp", "rlimits"}
    assert found["rlimits"].holds, found
    assert found["seccomp"].holds, found
    assert all(layer.holds or layer.remark for layer in found.values())


def attacks_fail(warm):
    """Run a few attacks in a kernel of `warm`; the layers that held."""
    kernel = warm.fork(Limits())
    peer = Trusted(kernel.channel)
    peer.until = time.monotonic() + 30
    assert peer.ask("cell", "open('mine', 'w').write('x'); import torch; torch.ones(3)", "a")["ok"]
    for attack in (
        "open('/etc/shadow')",
        "open('/usr/x', 'w')",
        "import os; os.fork()",
        "import socket; socket.socket()",
    ):
        assert not peer.ask("cell", attack, "a")["ok"], attack
    kernel.close()
    return set(kernel.layers)


@pytest.mark.skipif(program() is None, reason="bubblewrap is not installed")
def test_inside_bubblewrap():
    with Warm(wrapped=True) as warm:
        assert attacks_fail(warm) >= {"bubblewrap", "seccomp", "rlimits"}
        assert attacks_fail(warm) >= {"bubblewrap", "seccomp", "rlimits"}


def test_with_landlock_and_seccomp_alone(monkeypatch):
    """A child that may not make namespaces, on a machine without bubblewrap; its kernels' folders are removed."""
    monkeypatch.setattr(bubblewrap, "program", lambda: None)
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write, _bare().encode())
        except BaseException as error:
            os.write(write, repr(error).encode()[:4000])
        os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    with os.fdopen(read) as pipe:
        held, said = pipe.read().split("\n", 1)
    assert held == "['landlock', 'rlimits', 'seccomp'] set()"
    assert "no namespaces here (" in said
    assert "what holds is rlimits, landlock, seccomp" in said
    assert said.count("sandbox:") == 1


def _bare():
    before = set(Path(tempfile.gettempdir()).glob("course-scratch-*"))
    forbidden = ("unshare", "mount", "setns")
    seccomp.REFUSED = {name: numbers for name, numbers in seccomp.REFUSED.items() if name in forbidden}
    seccomp.CLONE = seccomp.CLONE3 = (5000, 5000)  # processes may be made in this one
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    seccomp.restrict()
    said = io.StringIO()
    with contextlib.redirect_stderr(said), Warm() as warm:
        held = sorted(attacks_fail(warm))
        warm.fork(Limits()).close()
    return f"{held} {set(Path(tempfile.gettempdir()).glob('course-scratch-*')) - before}\n{said.getvalue()}"


def test_too_few_layers_are_refused_with_advice():
    for held in ([], ["rlimits", "seccomp"], ["landlock", "rlimits"]):
        with pytest.raises(sandbox.Unavailable, match="apt install bubblewrap"):
            sandbox.require(held)
    sandbox.require(["landlock", "seccomp"])
    sandbox.require(["namespaces", "seccomp"])


def test_the_filter_is_made_for_every_known_machine():
    for machine in seccomp.ARCHITECTURE:
        assert len(seccomp.program(machine)) % 8 == 0


def test_unsandboxed_says_so(unsandboxed):
    kernel = unsandboxed.fork(Limits())
    assert kernel.layers == ()
    kernel.close()
    assert issubclass(SandboxError, RuntimeError)
    assert namespaces.WORK.startswith(namespaces.SCRATCH)
