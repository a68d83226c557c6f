"""What attacks must not touch, and how it is seen whether they did."""

import hashlib
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import course_utils
from tests.grading.attacks.attack import KEY, NEEDLE, Attack

COURSE = Path(course_utils.__file__).parent
WATCHED = [Path(p) for p in ("/", "/tmp", "/var/tmp", "/dev/shm", "/root", sys.prefix, os.getcwd(), COURSE)]


@dataclass(frozen=True)
class World:
    """What attacks must not touch: a folder of secrets, a listening port and a socket."""

    folder: Path
    server: socket.socket
    local: socket.socket

    def fill(self, text: str) -> str:
        """An attack's text with the world's places in it."""
        return text.replace("@PORT", str(self.server.getsockname()[1]))

    def state(self) -> dict[str, str]:
        """Every file of the folder by its content, and whatever has been planted elsewhere."""
        files = {
            str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in self.folder.rglob("*") if p.is_file()
        }
        return files | {str(path): "" for folder in WATCHED for path in folder.glob("planted*")}

    def visited(self) -> bool:
        """Whether somebody has called at the port or the socket."""
        for listener in (self.server, self.local):
            try:
                listener.accept()[0].close()
            except BlockingIOError:
                continue
            return True
        return False


@contextmanager
def made(folder: Path) -> Iterator[World]:
    """A world in `folder`; while it stands, the environment holds a secret too."""
    secrets = ("source/target.ipynb", "submitted/bob/target.ipynb", "gradebook.db", "secret.safetensors")
    for name in secrets:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(Attack("right").notebook().replace(b"import torch", NEEDLE.encode()))
    folder.chmod(0o755)
    here = tempfile.mkdtemp()  # a socket's path is short
    os.environ["SECRET_TOKEN"] = NEEDLE
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind(f"{here}/socket")
        local.listen()
        os.link(f"{here}/socket", folder / "socket") if os.stat(here).st_dev == folder.stat().st_dev else None
        server.setblocking(False)
        local.setblocking(False)
        yield World(folder, server, local)
    del os.environ["SECRET_TOKEN"]
    shutil.rmtree(here)


def hand_in(attack: Attack, folder: Path, world: World) -> Path:
    """The submission's folder."""
    folder.mkdir()
    text = attack.notebook(str(world.folder))
    (folder / f"{KEY}.ipynb").write_bytes(
        text if attack.raw is not None else world.fill(text.decode()).encode()
    )
    for name, data in attack.files.items():
        (folder / name).write_bytes(data)
    for name in attack.folders:
        (folder / name).unlink(missing_ok=True)
        (folder / name).mkdir()
    for name, target in attack.links.items():
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(world.folder / target)
    return folder


def descendants(pid: int) -> set[int]:
    """The processes below `pid`, without those that only wait to be reaped."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it has ended meanwhile
            continue
        if state != "Z":
            children.setdefault(int(parent), []).append(int(stat.parent.name))
    below, found = [pid], set()
    while below:
        below = [child for parent in below for child in children.get(parent, [])]
        found |= set(below)
    return found


def remains(before: set[int]) -> set[int]:
    """Processes that are still there when every kernel has had time to end."""
    for _ in range(100):
        left = descendants(os.getpid()) - before
        if not left:
            break
        time.sleep(0.05)
    return left
