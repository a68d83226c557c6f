"""A chapter runs again when code that it imports has changed, not only when its own cells have.

The execution cache looks at a chapter's cells alone. Here a chapter also has a fingerprint: the contents of every
module of `course_utils` and `solutions` that its cells reach through imports, with the records beside the references.
Where the fingerprint is another than at the last build, the cached run is dropped and the page is read again.
"""

import ast
import hashlib
import json
import re
from functools import cache
from pathlib import Path

from jupyter_cache import get_cache
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

logger = logging.getLogger(__name__)

PACKAGES = ("course_utils", "solutions")
CELL = re.compile(r"^(`{3,}|:{3,})\{code-cell\}.*?$\n(.*?)^\1\s*$", re.MULTILINE | re.DOTALL)
RECORDS = ("reference.json", "reference.safetensors")
MEASURED = "course_utils.measured"  # reads what the benchmarks wrote


def cells(page: str) -> list[str]:
    """The Python of a MyST page's code cells, without their options."""
    bodies = (match[2] for match in CELL.finditer(page))
    return [re.sub(r"\A(---\n.*?^---\n|(:[^\n]*\n)*)", "", body, flags=re.S | re.M) for body in bodies]


def imported(source: str) -> set[str]:
    """Dotted names that Python source imports; cells with magics or broken Python import nothing."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] in PACKAGES}


def module_files(name: str, root: Path) -> set[Path]:
    """Files that importing a dotted name runs: the module and the packages above it."""
    parts = name.split(".")
    places = [root.joinpath(*parts[:depth]) for depth in range(1, len(parts) + 1)]
    candidates = {place / "__init__.py" for place in places} | {places[-1].with_suffix(".py")}
    return {path for path in candidates if path.is_file()}


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Dotted names of the course's own modules that a file imports."""
    return frozenset(imported(path.read_text(encoding="utf-8")))


def reached(names: set[str], root: Path) -> set[Path]:
    """Every file of the course that these imports reach, with the records beside each reference."""
    found: set[Path] = set()
    queue = [path for name in names for path in module_files(name, root)]
    while queue:
        path = queue.pop()
        if path not in found:
            found.add(path)
            queue += [other for name in imports_of(path) for other in module_files(name, root)]
    folders = {path.parent for path in found if path.name == "reference.py"}
    return found | {
        folder / record for folder in folders for record in RECORDS if (folder / record).is_file()
    }


def fingerprint(page: Path, root: Path) -> str:
    """Hash of all that a page's cells depend on; empty for a page that runs nothing of the course."""
    names = set().union(*(imported(cell) for cell in cells(page.read_text(encoding="utf-8"))))
    files = reached(names, root)
    if "course_utils.training" in {name.rsplit(".", 1)[0] for name in names} | names:
        files |= {path for record in RECORDS for path in root.glob(f"solutions/*/{record}")}
    if root.joinpath(*MEASURED.split(".")).with_suffix(".py") in files:
        files |= set(root.glob("benchmarks/*.json"))
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest() if files else ""


def ledger(env: BuildEnvironment) -> Path:
    """Where the last build's fingerprints are kept: beside the runs they belong to."""
    return Path(env.mystnb_config.execution_cache_path) / "fingerprints.json"


def stale_pages(app: Sphinx, env: BuildEnvironment, added: set, changed: set, removed: set) -> list[str]:
    """Drop cached runs whose modules have changed; their pages are read again."""
    path, root = ledger(env), Path(app.srcdir)
    before = json.loads(path.read_text()) if path.is_file() else {}
    now = {name: fingerprint(Path(env.doc2path(name)), root) for name in sorted(env.found_docs)}
    env.course_fingerprints = now  # type: ignore[attr-defined]
    stale = [name for name in now if name in before and before[name] != now[name]]
    if stale:
        logger.info("run again, for a module has changed: %s", ", ".join(stale))
        drop_runs(path.parent, {str(env.doc2path(name)) for name in stale})
    return stale


def drop_runs(folder: Path, pages: set[str]) -> None:
    """Remove the cached runs of these source files."""
    runs = get_cache(folder)
    for record in runs.list_cache_records():
        if record.uri in pages:
            runs.remove_cache(record.pk)


def keep_fingerprints(app: Sphinx, error: Exception | None) -> None:
    """Remember what this build ran, once it has ended well."""
    now = getattr(app.env, "course_fingerprints", None)
    if error is None and now is not None:
        path = ledger(app.env)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(now, indent=1))


def setup(app: Sphinx) -> dict:
    """Look before pages are read, remember after they are written."""
    app.connect("env-get-outdated", stale_pages)
    app.connect("build-finished", keep_fingerprints)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
