"""Attacks on secrets, files, processes and the machine."""

from tests.grading.attacks.attack import SQUARE, Attack
from tests.grading.attacks.marks import WRONG


def tried(name: str, source: str, earns: float = 5.0, **more: object) -> Attack:
    """An attack below a right `square`: where it fails as it should, nothing is lost."""
    return Attack(name, {"square": f"{SQUARE}\n{source}"}, earns, **more)  # type: ignore[arg-type]


def in_check(name: str, body: str, **more: object) -> Attack:
    """An attack in `total`, while the check waits for its answer."""
    return Attack(name, {"total": f"def total(numbers):\n    {body}"}, **{"earns": 3.0, **more})  # type: ignore[arg-type]


def each(lines: str) -> str:
    """A source that tries every line and says where one went through."""
    return f"""
import ctypes, glob, os, socket, sqlite3, subprocess, sys, urllib.request
for line in {lines.strip().splitlines()!r}:
    try: exec(line)
    except BaseException: continue
    print("got", "in", line)
"""


READING = (
    tried(
        "reading other files",
        each(
            """
open("@WORLD/source/target.ipynb").read()
open("@WORLD/submitted/bob/target.ipynb").read()
open("@WORLD/../world/gradebook.db", "rb").read()
open("/proc/self/root/@WORLD/gradebook.db").read()
open("/proc/1/root/etc/shadow").read()
os.listdir("@WORLD")
import solutions.convolution.reference
import tests.grading.attacks.attack
sqlite3.connect("@WORLD/gradebook.db").execute("update marks set points = 5")
os.symlink("@WORLD/gradebook.db", "link"); open("link").read()
os.link("@WORLD/gradebook.db", "hard")
os.open("@WORLD/gradebook.db", os.O_PATH)
1 / len(glob.glob("/proc/[2-9]*"))
"""
        ),
    ),
    tried("reading the environment", "import os\nprint(dict(os.environ), open('/proc/self/environ').read())"),
    tried(
        "searching its own memory for the hidden tests",
        r"""
import re
pattern = re.compile(rb"need[l]e-\d+")
memory = open("/proc/self/mem", "rb", 0)
for line in open("/proc/self/maps"):
    span, rights, *_ = line.split()
    start, end = (int(part, 16) for part in span.split("-"))
    if rights.startswith("rw") and end - start < 1 << 26:
        try: memory.seek(start); found = pattern.search(memory.read(end - start))
        except OSError: continue
        if found: print("got", "in", found[0])
""",
    ),
    tried(
        "searching frames and objects for the check",
        """
import gc, sys
frame = sys._getframe()
while frame:
    if "close(student" in str(frame.f_locals)[:100_000]: print("got", "in")
    frame = frame.f_back
for thing in gc.get_objects():
    if type(thing) is dict and "lab" in thing and "submission" in thing: print("got", "in")
""",
    ),
    in_check(
        "searching frames while the check waits",
        "import sys, inspect\n"
        "    print([inspect.getsource(f.frame) for f in inspect.stack() if 'check' in f.filename and 'got in'])\n"
        "    return sum(numbers)",
        earns=5.0,
    ),
    tried(
        "reading what its parent left open",
        """
import os
for number in range(3, 256):
    try: path = os.readlink(f"/proc/self/fd/{number}")
    except OSError: continue
    if "/" in path and not path.startswith(("/dev", "/proc", "/scratch")): print("got", "in", path)
""",
    ),
    in_check("hidden texts by way of an exception", "raise ValueError(str(globals()) + str(locals()))"),
)
WRITING = (
    tried(
        "writing where it may not",
        each(
            """
open("@WORLD/planted", "w")
open("@WORLD/gradebook.db", "r+b").write(b"x")
open("/planted", "w")
open("../../planted", "w")
open("/dev/shm/planted", "w")
open(os.path.expanduser("~root/planted"), "w")
open(sys.modules["torch"].__file__, "a")
open(os.path.join(os.path.dirname(sys.modules["course_utils"].__file__), "planted.py"), "w")
open(os.path.join(sys.prefix, "planted.pth"), "w")
os.mkdir("/var/tmp/planted")
os.rename("@WORLD/gradebook.db", "planted")
os.unlink("@WORLD/gradebook.db")
os.chmod("@WORLD", 0o777)
"""
        ),
    ),
    tried("planted in /tmp, which is its own", "open('/tmp/planted', 'w').write('x')"),
    tried("a shell", "!touch @WORLD/planted /tmp/planted"),
    Attack("a shell's cell magic", {"square": "%%bash\ntouch @WORLD/planted /tmp/planted"}, 3.0),
    Attack(
        "modules written beside it",
        {
            "square": f"{WRONG}\nfor name in ('torch', 'course_utils', 'json', 'safetensors'):\n"
            "    open(f'{name}.py', 'w').write('raise SystemExit')\n"
            "import sys; sys.path.insert(0, '.')"
        },
        3.0,
    ),
    Attack(
        "a link for an artifact",
        {"train": "import os\nos.symlink('@WORLD/secret.safetensors', 'target.safetensors')"},
        4.0,
    ),
    Attack(
        "a pickle written for an artifact",
        {"train": "import torch\ntorch.save({'w': torch.full((4,), 0.25)}, 'target.safetensors')"},
        4.0,
    ),
)
NETWORK = (
    tried(
        "the network",
        each(
            """
socket.create_connection(("127.0.0.1", @PORT), 1)
socket.socket(socket.AF_INET6)
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", @PORT))
urllib.request.urlopen("http://127.0.0.1:@PORT", timeout=1)
socket.getaddrinfo("localhost.example", 80)[0][9]
s = socket.socket(socket.AF_UNIX); s.connect("@WORLD/socket")
s = socket.socket(socket.AF_UNIX); s.connect("\\0planted")
"""
        ),
    ),
)
PROCESSES = (
    tried(
        "children",
        each(
            """
os.fork()
os.posix_spawn("/bin/true", ["true"], {})
subprocess.run(["sleep", "60"])
subprocess.Popen(["sleep", "60"], start_new_session=True)
os.execv(sys.executable, ["python"])
1 / (ctypes.CDLL(None).fork() + 1)
"""
        ),
    ),
    tried(
        "signals to others",  # the signal 0 only asks whether one would arrive
        each(
            """
os.kill(os.getppid() or 10**7, 0)
os.kill(-1, 0)
os.killpg(os.getpgid(os.getppid() or 10**7), 0)
"""
        ),
    ),
    tried("leaving", "import os\nos._exit(0)", 3.0),
    in_check("leaving while the check waits", "import os; os._exit(0)"),
    tried("a crash", "import os\nos.abort()", 3.0),
    tried("its descriptors closed", "import os\nos.closerange(0, 256)", costs=True),
    in_check("recursion", "return total(numbers)"),
    Attack(
        "leaving in every cell", dict.fromkeys(("square", "total", "train"), "import os; os._exit(0)"), 0.0
    ),
)
# Half a minute, where a second is allowed: long enough to be stopped, and over by itself where nobody stops it.
BUSY = "import time\nend = time.monotonic() + 30\nwhile time.monotonic() < end: pass"
STUBBORN = """import time; end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            while time.monotonic() < end: pass
        except BaseException: pass"""
RESOURCES = (
    Attack("a loop", {"square": BUSY}, 3.0, hangs=True),
    in_check("a loop that ignores interrupts", STUBBORN, hangs=True),
    in_check("one long step that looks for no signal", "return sum(range(2 * 10**9)) % 7", hangs=True),
    tried(
        "sleeping with signals off",
        "import signal, time\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))\ntime.sleep(60)",
        3.0,
        hangs=True,
    ),
    tried("a loop at the end", f"import atexit\natexit.register(exec, {BUSY!r})"),
    in_check(
        "a lock that is held",
        "import _thread; lock = _thread.allocate_lock(); lock.acquire(); lock.acquire(timeout=60)",
        hangs=True,
    ),
    tried("memory", "blocks = [bytearray(32 << 20) for _ in range(40)]", costs=True),
    in_check("memory while the check waits", "return bytes(1 << 30)"),
    in_check("an answer larger than may be sent", "import torch; return torch.zeros(20_000_000)"),
    tried("printing", "for _ in range(1_000): print('x' * 1000)", harm=("x" * 30_000,)),
    tried("one long line", "import sys\nsys.stdout.write('y' * 1_000_000)", harm=("y" * 30_000,), costs=True),
    tried(
        "a bar of many states", "for i in range(2000): print(f'\\r{i}' + 'z' * 90, end='')", harm=("z" * 100,)
    ),
    tried("the disk", "for i in range(40): open(f'big{i}', 'wb').write(bytes(1 << 20))", costs=True),
    tried("many files", "for i in range(5_000): open(f'small{i}', 'w').close()", costs=True),
    tried(
        "threads",
        "import threading, time\nfor _ in range(60):\n"
        "    threading.Thread(target=time.sleep, args=(10,), daemon=True).start()",
        costs=True,
    ),
)
HARMS = (*READING, *WRITING, *NETWORK, *PROCESSES, *RESOURCES)
