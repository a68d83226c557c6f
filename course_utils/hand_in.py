"""What a student hands in: `submit` packs it, `course receipt` says later what an archive holds and if it is whole.

An archive holds the notebook, the trained net and `manifest.json`: the topic, the version of the lab, tier, device and
a hash of each file. The same work gives the same bytes.
"""

import argparse
import hashlib
import json
import os
import re
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from course_utils import __version__
from course_utils.topics import topic

MANIFEST = "manifest.json"
UNWRITTEN = re.compile(r"^\s*raise NotImplementedError\s*$", re.M)
UNANSWERED = "YOUR ANSWER HERE"
FRONT_END_SECONDS = 60
LARGEST = 100 << 20  # bytes of a file in an archive


class HandInError(ValueError):
    """There is nothing to pack, or an archive is not what it says; the message says what to do."""


def submit(key: str, folder: Path | None = None) -> Path:
    """Pack the notebook and its trained net into `<key>.zip`, ready to hand in; returns its path.

    What is missing is said first. On Colab the notebook is asked of the page itself.

    Raises:
        HandInError: there is no notebook to pack.
    """
    topic(key)
    folder = folder or Path.cwd()
    notebook = _notebook(key, folder)
    files = {f"{key}.ipynb": notebook}
    artifact = folder / f"{key}.safetensors"
    if artifact.is_file():
        files[artifact.name] = artifact.read_bytes()
    for line in _missing(key, notebook, artifact.name in files):
        print(f"Missing: {line}")
    manifest = json.dumps(_manifest(key, files), indent=1, sort_keys=True).encode() + b"\n"
    target = folder / f"{key}.zip"
    _pack(target, files | {MANIFEST: manifest})
    size = target.stat().st_size / 1e6
    print(f"Packed {target.name} ({size:.2f} MB): {', '.join(files)}. Hand in this one file.")
    print(f"Receipt: {receipt(manifest)}. Keep it: `course receipt {target.name}` must say the same.")
    _offer(target)
    return target


def receipt(manifest: bytes) -> str:
    """A short hash of a manifest, and by it of all files that the manifest names."""
    return hashlib.sha256(manifest).hexdigest()[:16]


def _notebook(key: str, folder: Path) -> bytes:
    """The notebook: from Colab's page, from where this Jupyter session runs it, or from the folder."""
    asked = _from_colab()
    if asked is not None:
        return asked
    session = Path(os.environ.get("JPY_SESSION_NAME", ""))
    here = [path for path in folder.glob("*.ipynb") if key in path.stem.casefold()]
    path = session if session.suffix == ".ipynb" and session in here else folder / f"{key}.ipynb"
    if not path.is_file() and here:
        path = max(here, key=lambda one: (one.stat().st_mtime_ns, one.name))
    if not path.is_file():
        raise HandInError(
            f"submit: expected {key}.ipynb in {folder}, and found none. Choose File, Download .ipynb "
            f"(in Jupyter: File, Download), and hand that file in together with {key}.safetensors"
        )
    saved = datetime.fromtimestamp(path.stat().st_mtime).strftime("%H:%M:%S")
    print(f"{path.name} as it was saved at {saved}: if you changed it since, save it and run this again.")
    return path.read_bytes()


def _from_colab() -> bytes | None:
    """The notebook in the browser, without outputs; None where there is no Colab or it does not answer."""
    try:
        from google.colab import _message
    except ImportError:
        return None
    try:
        answer = _message.blocking_request("get_ipynb", request="", timeout_sec=FRONT_END_SECONDS)
    except Exception:  # Colab's own classes of errors are private
        return None
    notebook = answer.get("ipynb") if isinstance(answer, dict) else None
    if not isinstance(notebook, dict):
        return None
    for cell in notebook.get("cells", []):
        if cell.get("cell_type") == "code":  # they change whenever a cell is run, and nobody marks them
            cell["outputs"], cell["execution_count"] = [], None
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False).encode()


def _cells(notebook: bytes) -> Iterator[tuple[dict[str, Any], str]]:
    """(nbgrader's marks, source) of every cell; none where it is no notebook."""
    try:
        cells = json.loads(notebook)["cells"]
    except (ValueError, KeyError, TypeError) as error:
        raise HandInError(
            f"submit: the notebook cannot be read ({error}); save it and run this again"
        ) from error
    for cell in cells:
        yield cell.get("metadata", {}).get("nbgrader", {}), "".join(cell.get("source", ""))


def _missing(key: str, notebook: bytes, trained: bool) -> Iterator[str]:
    """What is not there yet, in words."""
    unwritten = [marks["grade_id"] for marks, source in _cells(notebook) if _left(marks, source)]
    if unwritten:
        yield f"not written yet: {', '.join(unwritten)}"
    saves = any("save_artifact(" in source for _, source in _cells(notebook))
    if saves and not trained:
        yield f"{key}.safetensors: run the cell that trains and saves; without it the net is trained when it is marked"


def _left(marks: dict[str, Any], source: str) -> bool:
    """Whether an exercise or an answer was left as it was handed out."""
    return bool(marks.get("solution")) and (UNWRITTEN.search(source) is not None or UNANSWERED in source)


def _manifest(key: str, files: dict[str, bytes]) -> dict[str, Any]:
    """What the archive says of itself. The version of a lab is a hash of its checks, as this notebook holds them."""
    import torch

    checks = [source for marks, source in _cells(files[f"{key}.ipynb"]) if marks.get("locked")]
    return {
        "key": key,
        "course": __version__,
        "lab": hashlib.sha256("\0".join(checks).encode(errors="replace")).hexdigest()[:16],
        "tier": _tier(files.get(f"{key}.safetensors", b"")),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())},
    }


def _tier(artifact: bytes) -> str:
    """The tier that a trained net says it was trained on; "" without one."""
    length = int.from_bytes(artifact[:8], "little")
    try:
        return str(json.loads(artifact[8 : 8 + length])["__metadata__"]["tier"])
    except (ValueError, KeyError, TypeError):
        return ""


def _pack(target: Path, files: dict[str, bytes]) -> None:
    """Write an archive whose bytes depend on the files alone: no clock, no owner."""
    unfinished = target.with_suffix(".part")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name)
            entry.compress_type, entry.external_attr, entry.create_system = (
                zipfile.ZIP_DEFLATED,
                0o644 << 16,
                3,
            )
            archive.writestr(entry, data)
    unfinished.replace(target)


def _offer(target: Path) -> None:
    """On Colab the browser saves the archive: the machine that it lies on is gone tomorrow."""
    try:
        from google.colab import files
    except ImportError:
        return
    files.download(str(target))


def verify(archive: Path) -> tuple[dict[str, Any], str]:
    """The manifest of an archive and its receipt, once every file in it is what the manifest says.

    Raises:
        HandInError: it is no archive of `submit`'s, or was changed since.
    """
    try:
        with zipfile.ZipFile(archive) as book:
            if any(entry.file_size > LARGEST for entry in book.infolist()):
                raise HandInError(f"{archive.name}: a file in it is too large to be a lab's")
            held = {entry.filename: book.read(entry) for entry in book.infolist()}
        manifest = held.pop(MANIFEST)
        told = json.loads(manifest)
        hashes = dict(told["files"])
    except KeyError:
        raise HandInError(f"{archive.name}: it has no manifest; submit() did not make it") from None
    except (zipfile.BadZipFile, OSError, ValueError, TypeError, RuntimeError) as error:
        if isinstance(error, HandInError):
            raise
        raise HandInError(f"{archive.name}: it cannot be read as an archive of submit() ({error})") from None
    found = {name: hashlib.sha256(data).hexdigest() for name, data in held.items()}
    wrong = sorted(name for name in found.keys() | hashes.keys() if found.get(name) != hashes.get(name))
    if wrong:
        raise HandInError(f"{archive.name}: changed since it was packed: {', '.join(wrong)}")
    return told, receipt(manifest)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `course receipt`."""
    parser.add_argument("archive", type=Path, help="what submit() packed, say neurons.zip")
    parser.add_argument("receipt", nargs="?", help="the receipt that it must have")


def run(args: argparse.Namespace) -> int:
    """Say what an archive holds; fail where it is not what it says, or not what the receipt says."""
    told, found = verify(args.archive)
    tier, device = told.get("tier") or "no net", told.get("device")
    print(
        f"{told.get('key')}: lab {told.get('lab')}, {tier}, {device}: {', '.join(told['files'])}. Receipt: {found}"
    )
    if args.receipt and args.receipt != found:
        raise HandInError(
            f"{args.archive.name}: expected receipt {args.receipt}, got {found}: another archive"
        )
    return 0
