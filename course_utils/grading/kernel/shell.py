"""IPython without a kernel: it runs cells and keeps what they print and show, within bounds."""

import ast
import base64
import io
import linecache
import os
import re
import sys
import traceback
import types
from collections.abc import Iterator
from typing import Any

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from matplotlib_inline.backend_inline import configure_inline_support
from traitlets import Type
from traitlets.config import Config

ERROR_TEXT = 2_000  # characters of an exception
TEXT_BYTES = 20_000
PICTURE_BYTES = 2_000_000
OUTPUTS = 100
ALONE = (
    "no other process can be started when a submission is marked; "
    "a DataLoader loads in this one with num_workers=0, and what a command does is written in Python"
)
STARTING = ("/subprocess.py", "/multiprocessing/")
# Where IPython sees more than Python: cells that begin with white space, and prompts that are Python too.
MORE = re.compile(r"\A\s|^\s*In ?\[", re.MULTILINE)
# Where it may do so: lines that begin with one of its signs or a prompt, `= %…`, `= !…`, `…?`.
SPECIAL = re.compile(r"^\s*(?:[%!?,;/]|>>>|\.\.\.)|=\s*[%!]|\?\s*$", re.MULTILINE)
AWAITS = re.compile(r"\b(?:await|async)\b")
AS_IN_A_NOTEBOOK = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


class Outputs:
    """What a cell printed and showed, cut where it gets too much: pairs of a kind and its text."""

    def __init__(self) -> None:
        self.items: list[list[str]] = []
        self._text, self._picture = TEXT_BYTES, PICTURE_BYTES

    def text(self, kind: str, text: str) -> None:
        """Add to the last output of the same kind, or as a new one."""
        if self._text <= 0:
            return
        if "\r" in text and kind != "text":
            before = self.items.pop()[1] if self.items and self.items[-1][0] == kind else ""
            self._text += len(before)
            text = settled(before + text)
        text, self._text = text[: self._text], self._text - len(text)
        if self._text <= 0:
            text += "\n… (cut: too much output)"
        if self.items and self.items[-1][0] == kind and kind != "text":
            self.items[-1][1] += text
        elif len(self.items) < OUTPUTS:
            self.items.append([kind, text])

    def show(self, data: dict[str, Any]) -> None:
        """Add a displayed value: its picture if it has one, its text otherwise."""
        picture = data.get("image/png")
        if isinstance(picture, bytes):
            picture = base64.b64encode(picture).decode()
        if isinstance(picture, str) and len(picture) <= self._picture and len(self.items) < OUTPUTS:
            self._picture -= len(picture)
            self.items.append(["png", picture])
        elif isinstance(data.get("text/plain"), str):
            self.text("text", data["text/plain"])


def settled(text: str) -> str:
    """What a terminal shows in the end: of a progress bar's many states in one line the last."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] + "\r" * line.endswith("\r") for line in lines)


class Stream(io.TextIOBase):
    """stdout or stderr."""

    def __init__(self, kind: str, shell: "CellShell"):
        self._kind, self._shell = kind, shell

    def write(self, text: str) -> int:
        """Keep the text."""
        self._shell.outputs.text(self._kind, text)
        return len(text)

    def writable(self) -> bool:
        """Yes."""
        return True


class Publisher(DisplayPublisher):
    """`display(…)`."""

    def publish(self, data: dict[str, Any], *_: Any, **__: Any) -> None:
        """Keep what is shown."""
        CellShell.instance().outputs.show(data)

    def clear_output(self, wait: bool = False) -> None:
        """Drop what was shown so far."""
        CellShell.instance().outputs.items.clear()


class LastValue(DisplayHook):
    """A cell's last expression."""

    def write_output_prompt(self) -> None:
        """No prompt."""

    def write_format_data(self, format_dict: dict[str, Any], md_dict: Any = None) -> None:
        """Keep the value's picture or text."""
        CellShell.instance().outputs.show(format_dict)

    def finish_displayhook(self) -> None:
        """No line after it."""


class NamedCells(CachingCompiler):
    """Cells are compiled under their names, for errors to say where they stand."""

    cell = ""

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
        """A name that no file has."""
        return f"<cell {self.cell}>"


class CellShell(InteractiveShell):
    """An IPython shell whose output is kept and whose errors are values."""

    outputs: Outputs
    compile: NamedCells
    displayhook_class = Type(LastValue)
    display_pub_class = Type(Publisher)
    compiler_class = Type(NamedCells)

    def run(self, source: str, name: str) -> dict[str, Any]:
        """Run a cell; {"ok", "error": [class, text, line], "outputs"}."""
        self.outputs = Outputs()
        self.compile.cell = name
        result = self.run_cell(source, store_history=False)
        error = result.error_before_exec or result.error_in_exec
        return {
            "ok": error is None,
            "error": None if error is None else self._error(error),
            "outputs": self.outputs.items,
        }

    def transform_cell(self, raw_cell: str) -> str:
        """The cell as Python. One that is so already is not looked through token by token, for half a millisecond."""
        if self.input_transformers_post or not is_python(raw_cell):
            return super().transform_cell(raw_cell)
        return raw_cell if raw_cell.endswith("\n") else raw_cell + "\n"

    def should_run_async(self, raw_cell: str, **transformed: Any) -> bool:
        """Whether something in the cell is awaited: one without these words is not compiled to find out."""
        return bool(AWAITS.search(raw_cell)) and super().should_run_async(raw_cell, **transformed)

    def _error(self, error: BaseException) -> list[str]:
        where = own_line(error, self)
        if isinstance(error, OSError) and _starts_a_process(error):
            return [type(error).__name__, ALONE, where]
        if isinstance(error, SyntaxError) and not where:
            where = f"line {error.lineno} of {self.compile.cell}: `{(error.text or '').strip()}`"
        return [type(error).__name__, text_of(error), where]

    def line(self, filename: str, number: int) -> str:
        """A line of a cell that ran here."""
        return linecache.getline(filename, number).strip()[:200]

    def system(self, cmd: str) -> None:
        """Commands are not run."""
        print(f"!{cmd.strip()}: system commands are not run when a submission is marked")

    system_raw = system_piped = system

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> list[str]:
        """Commands are not run."""
        self.system(cmd)
        return []

    def ask_exit(self) -> None:
        """`exit()` in a cell ends nothing."""

    def enable_gui(self, gui: Any = None) -> None:
        """There is no screen."""

    def showtraceback(self, *_: Any, **__: Any) -> None:
        """Errors are values here."""

    showsyntaxerror = showindentationerror = showtraceback


def is_python(cell: str) -> bool:
    """Whether a cell is Python, and nothing else to IPython."""
    if MORE.search(cell):
        return False
    try:
        return not SPECIAL.search(cell) or bool(compile(cell, "<cell>", "exec", AS_IN_A_NOTEBOOK))
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False


def _starts_a_process(error: OSError) -> bool:
    """Whether the error came from where Python starts processes."""
    frames = traceback.extract_tb(error.__traceback__, limit=-4)
    return any(place in frame.filename for frame in frames for place in STARTING)


def text_of(error: BaseException) -> str:
    """What an exception says, cut."""
    try:
        return str(error)[:ERROR_TEXT]
    except Exception:  # the student's own class, with a __str__ of its own
        return ""


def own_line(error: BaseException, shell: CellShell) -> str:
    """The innermost line of `error` that the student wrote: "line 3 of `conv2d`: `return x @ w`"."""
    frames = [f for f in _frames(error) if f.filename.startswith("<cell ")]
    if not frames:
        return ""
    name = frames[-1].filename.removeprefix("<cell ").removesuffix(">")
    return f"line {frames[-1].lineno} of {name}: `{shell.line(frames[-1].filename, frames[-1].lineno or 0)}`"


def _frames(error: BaseException) -> Iterator[traceback.FrameSummary]:
    try:
        yield from traceback.extract_tb(error.__traceback__, limit=-200)
    except Exception:  # a student's object in the way
        return


def make_shell() -> CellShell:
    """The process's one shell, its names in a fresh `__main__`, its history kept nowhere."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    config = Config({"HistoryManager": {"enabled": False}, "InteractiveShell": {"colors": "nocolor"}})
    shell = CellShell.instance(config=config, user_module=module, user_ns=module.__dict__)
    shell.outputs = Outputs()
    configure_inline_support(shell, "module://matplotlib_inline.backend_inline")
    return shell


def capture(shell: CellShell, pictures: bool = False) -> None:
    """From now on what Python prints goes to the shell's outputs; figures are drawn only if `pictures`."""
    formatter = shell.display_formatter
    assert formatter is not None
    formatter.active_types = ["text/plain", "image/png"] if pictures else ["text/plain"]
    os.environ["COURSE_PICTURES"] = "1" if pictures else "0"
    sys.stdout, sys.stderr = Stream("stdout", shell), Stream("stderr", shell)
