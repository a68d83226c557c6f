"""Downloads that go wrong in every way that we could think of: one clear line each, and a second try succeeds."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from course_utils.data import DataError
from course_utils.data.fetch import at_hand, fetch, intact, place
from course_utils.data.registry import RemoteFile
from course_utils.topics import ROOT
from tests.data.server import serving

CONTENT = random.Random(0).randbytes(600_000)
SHA = hashlib.sha256(CONTENT).hexdigest()
NOWHERE = "http://127.0.0.1:9"  # the discard port: nobody listens


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "cache"))
    monkeypatch.delenv("COURSE_DATA_MIRROR", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def server():
    with serving(CONTENT) as found:
        yield found


def a_file(*addresses):
    return RemoteFile("toy/file.bin", len(CONTENT), SHA, tuple(f"{base}/file.bin" for base in addresses))


def refusal(file):
    with pytest.raises(DataError) as caught:
        fetch(file)
    line = str(caught.value)
    assert "\n" not in line
    assert str(place(file)) in line
    return line


def part(file):
    return place(file).with_name("file.bin.part")


def in_a_process(file, before="", **options):
    """Fetch in a process of its own; what it prints is the error's line, or nothing."""
    script = (
        "import os, resource\nfrom course_utils.data.fetch import fetch\n"
        f"from course_utils.data.registry import RemoteFile\n{before}\n"
        f"try: fetch(RemoteFile({file.path!r}, {file.size}, {file.sha256!r}, {file.urls!r}))\n"
        "except OSError as error: print(error)"
    )
    return subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=ROOT, **options
    )


def test_a_file_is_fetched_once(server):
    file = a_file(server.address)
    assert fetch(file).read_bytes() == CONTENT
    assert fetch(file).read_bytes() == CONTENT
    assert server.asked == [None]
    assert not part(file).exists()


def test_two_at_once_fetch_it_once(server):
    file = a_file(server.address)
    server.pause = 0.01
    threads = [threading.Thread(target=fetch, args=(file,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert intact(file)
    assert server.asked == [None]


def test_a_connection_that_is_cut_is_taken_up_again(server):
    server.cut_after = 250_000
    assert fetch(a_file(server.address)).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=250000-", "bytes=500000-"]


def test_a_server_that_always_cuts_off_gives_one_line_and_the_next_try_goes_on(server):
    file = a_file(server.address)
    server.cut_after = 100_000
    assert "cut off at 300,000 of 600,000 bytes" in refusal(file)
    assert not place(file).exists()
    server.cut_after = None
    assert fetch(file).read_bytes() == CONTENT
    assert server.asked[-1] == "bytes=300000-"


def test_a_server_without_ranges_is_read_from_the_start(server):
    file = a_file(server.address)
    part(file).parent.mkdir(parents=True)
    part(file).write_bytes(CONTENT[:1000])
    server.ranges = False
    assert fetch(file).read_bytes() == CONTENT


def test_wrong_bytes_are_refused_and_leave_nothing(server):
    file = a_file(server.address)
    server.content = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    assert f"wrong content, expected sha256 {SHA[:16]}" in refusal(file)
    assert not place(file).exists()
    assert not part(file).exists()
    server.content = CONTENT
    assert fetch(file).read_bytes() == CONTENT


@pytest.mark.parametrize("wrong", [CONTENT + b"more", b"<html>please log in</html>"])
def test_a_file_of_another_length_is_refused(server, wrong):
    file = a_file(server.address)
    server.content = wrong
    refusal(file)
    assert not place(file).exists()


def test_a_part_of_another_file_does_not_stand_in_the_way(server):
    file = a_file(server.address)
    part(file).parent.mkdir(parents=True)
    part(file).write_bytes(b"x" * 5000)
    assert fetch(file).read_bytes() == CONTENT


def test_a_broken_mirror_is_passed_over(server, monkeypatch):
    with serving(b"nonsense") as mirror:
        monkeypatch.setenv("COURSE_DATA_MIRROR", mirror.address)
        assert fetch(a_file(server.address)).read_bytes() == CONTENT
        assert len(mirror.asked) > 0


def test_a_mirror_may_be_a_folder(tmp_path, monkeypatch):
    (tmp_path / "mirror/toy").mkdir(parents=True)
    (tmp_path / "mirror/toy/file.bin").write_bytes(CONTENT)
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(tmp_path / "mirror"))
    file = a_file()
    assert at_hand(file)
    assert fetch(file).read_bytes() == CONTENT


def test_no_network_names_the_file_and_its_place(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(tmp_path / "no such folder"))
    line = refusal(a_file(NOWHERE))
    assert line.startswith("toy/file.bin: could not be fetched")
    assert "no such file" in line
    assert "no network" in line
    assert not at_hand(a_file(NOWHERE))


def test_a_server_that_refuses_is_quoted(server):
    server.status = 404
    assert "the server answered 404" in refusal(a_file(server.address))


def test_a_killed_download_is_resumed(server, cache):
    file = a_file(server.address)
    server.pause = 0.25
    process = in_a_process(file)
    deadline = time.monotonic() + 300
    while not (part(file).exists() and part(file).stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = part(file).stat().st_size
    assert 0 < kept < len(CONTENT)
    assert not place(file).exists()
    server.pause = 0
    assert fetch(file).read_bytes() == CONTENT
    assert server.asked[-1] == f"bytes={kept}-"


def test_a_full_disk_is_said_and_given_back(server):
    file = a_file(server.address)
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))"
    line, _ = in_a_process(file, limit).communicate(timeout=300)
    assert "the disk is full; make room there, or set COURSE_DATA" in line
    assert str(place(file)) in line
    assert line.count("\n") == 1
    assert not part(file).exists()
    assert fetch(file).read_bytes() == CONTENT


def test_a_cache_that_may_not_be_written(server, cache):
    file = a_file(server.address)
    cache.mkdir()
    cache.chmod(0o555)
    line = _refusal_as_an_ordinary_user(file)
    assert "cannot be written" in line
    assert "set COURSE_DATA to a folder that you may write to" in line
    assert str(place(file)) in line
    cache.chmod(0o755)
    assert fetch(file).read_bytes() == CONTENT


def _refusal_as_an_ordinary_user(file):
    """Root may write anywhere: as root, fetch as the user nobody, in a process of its own."""
    nobody = "os.setegid(65534); os.seteuid(65534)" if os.geteuid() == 0 else ""
    for folder in place(
        file
    ).parents:  # pytest keeps its folders to their owner: let the other user pass through
        if nobody and "pytest" in folder.name:
            folder.chmod(folder.stat().st_mode | 0o011)
    line, _ = in_a_process(file, nobody).communicate(timeout=300)
    return line


def test_a_cache_that_is_a_file(server, cache):
    cache.write_text("not a folder")
    assert "cannot be written" in refusal(a_file(server.address))


def test_a_complete_cache_that_is_read_only_is_enough(server, cache):
    file = a_file(server.address)
    fetch(file)
    before = sorted(cache.rglob("*"))
    place(file).parent.chmod(0o555)
    fetch(file)
    assert sorted(cache.rglob("*")) == before
