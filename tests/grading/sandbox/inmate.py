"""Run in an environment of its own: what `course doctor` says here, and what a process in the sandbox can do.

    python -m tests.grading.sandbox.inmate SECRET [KIND]

prints one line of JSON. SECRET is a file that nobody inside may read or change. The process is what a warm process
forks, without what students import, which takes seconds.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

from course_utils import cli
from course_utils.grading.kernel.warm import environment
from course_utils.grading.sandbox.enter import Unavailable
from course_utils.grading.sandbox.files import ROOT, import_path, view
from course_utils.grading.sandbox.layers import KINDS, choose, start

HONEST = (
    "open('mine', 'w').write('x')",
    "import colorsys, xml.dom.minidom, sqlite3",
    "from tqdm.auto import tqdm; list(tqdm(range(3), file=open('bar', 'w')))",
    "import tempfile; tempfile.TemporaryFile().write(b'x')",
    "import threading; thread = threading.Thread(target=int); thread.start(); thread.join()",
    "import asyncio; asyncio.new_event_loop().run_until_complete(asyncio.sleep(0))",
    "import numpy; numpy.linalg.svd(numpy.ones((2, 2)))",
    "import numpy; numpy.save('a.npy', numpy.ones(2)); numpy.load('a.npy', mmap_mode='r')",
    "import shutil; shutil.copyfile('mine', 'again'); shutil.rmtree('folder', ignore_errors=True)",
    "import signal; signal.signal(signal.SIGALRM, int); signal.setitimer(signal.ITIMER_REAL, 9)",
    "import signal; signal.signal(signal.SIGUSR1, lambda *_: None); signal.raise_signal(signal.SIGUSR1)",
    "import os, sys; sys.stdout.isatty(), os.cpu_count(), os.uname()",
    "open({root!r} + '/solutions/convolution/reference.json').read()",
    "open({root!r} + '/solutions/depth/reference.safetensors', 'rb').read()",
)
HOSTILE = (
    "open({secret!r})",
    "open({secret!r}, 'a')",
    "import os; os.chmod({secret!r}, 0)",
    "import os; os.utime({secret!r})",
    "import os; os.truncate({secret!r}, 0)",
    "import os; os.unlink({secret!r})",
    "import os; os.link({secret!r}, 'mine too')",
    "import os; os.listdir({folder!r})",
    "open({folder!r} + '/planted', 'w')",
    "import os; os.mkfifo({folder!r} + '/planted')",
    "open({root!r} + '/solutions/transfer/lab.py')",
    "open({root!r} + '/solutions/transfer/reference.safetensors', 'rb')",
    "open({root!r} + '/solutions/convolution/reference.safetensors', 'rb')",
    "open({root!r} + '/solutions/convolution/reference.json', 'a')",
    "import os; os.listdir({root!r} + '/tests')",
    "import course_utils; open(course_utils.__file__, 'a')",
    "open('/etc/shadow')",
    "open('/usr/planted', 'w')",
    "open('/dev/shm/planted', 'w')",
    "import os; os.open('/dev/tty', os.O_RDWR)",
    "import os; os.fork()",
    "import subprocess; subprocess.run(['/bin/true'])",
    "import socket; socket.socket()",
    "import socket; socket.socket(socket.AF_UNIX).connect('/run/nobody')",
    "import socket; socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
    "import os; os.kill(-1, 0)",
    "import os; os.kill(os.getppid() or 99, 0)",
    "import resource; resource.prlimit(os.getppid() or 99, resource.RLIMIT_CORE)",
    "import os; os.setpriority(os.PRIO_USER, 0, 5)",
    "import os, fcntl; fcntl.fcntl(0, 8, os.getppid())",
    "import os; open(f'/proc/{{os.getppid() or 99}}/mem', 'r+b')",
    "import os; open(f'/proc/{{os.getppid() or 99}}/environ', 'rb').read()",
    "import resource as r; r.setrlimit(r.RLIMIT_AS, (-1, -1))",
)


def doctor() -> dict[str, object]:
    """What `course doctor` prints, and its exit code."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(["doctor"])
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


INSIDE = """
import json, os, sys
from course_utils.grading.sandbox.enter import Unavailable, enter
from course_utils.grading.sandbox.layers import ready
from course_utils.grading.sandbox.limits import Limits

def error(line):
    try:
        exec(line, {})
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return ""

told, honest, hostile = json.load(sys.stdin)
isolation = ready(told)
pid = isolation.fork()
if pid == 0:
    try:
        held = enter(Limits(), isolation, ("depth",))
        lost = [f"{line}: {error(line)}" for line in honest if error(line)]
        through = [line for line in hostile if not error(line)]
        os.write(1, json.dumps({"held": held, "lost": lost, "through": through}).encode())
    except Unavailable as error:
        os.write(1, json.dumps({"refused": str(error)}).encode())
    finally:
        os._exit(0)
os.waitpid(pid, 0)
isolation.close()
"""


def locked_in(secret: str, kinds: tuple[str, ...]) -> dict[str, object]:
    """The layers, the hostile lines that went through and the honest ones that did not; or a refusal."""
    try:
        kind = choose(kinds)[0].kind
    except Unavailable as error:
        return {"refused": str(error)}
    around, told = start(kind, trial=True)
    places = {"secret": secret, "folder": str(Path(secret).parent), "root": str(ROOT)}
    lines = [[line.format(**places) for line in these] for these in (HONEST, HOSTILE)]
    done = subprocess.run(
        [*around, sys.executable, "-I", "-c", f"import sys; sys.path[:] = {import_path(view())!r}\n{INSIDE}"],
        input=json.dumps([told, *lines]),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    return json.loads(done.stdout) if done.stdout else {"died": done.stderr}


if __name__ == "__main__":
    os.umask(0o022)
    print(json.dumps({"doctor": doctor()} | locked_in(sys.argv[1], tuple(sys.argv[2:]) or tuple(KINDS))))
