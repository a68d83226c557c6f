"""A chapter runs again when code that it imports has changed, not only when its own cells have.

The execution cache looks at a chapter's cells alone. Here a chapter also has a fingerprint: a hash of all that its
cells depend on (`course_utils.dependencies`), as it is written, for a chapter may show it. Where the fingerprint is
another than at the last build, the cached run is dropped and the page is read again.
"""

import json
import re
from pathlib import Path

from jupyter_cache import get_cache
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from course_utils.dependencies import digest, reached, texts

logger = logging.getLogger(__name__)

CELL = re.compile(r"^(`{3,}|:{3,})\{code-cell\}.*?$\n(.*?)^\1\s*$", re.MULTILINE | re.DOTALL)


def cells(page: str) -> list[str]:
    """The Python of a MyST page's code cells, without their options."""
    bodies = (match[2] for match in CELL.finditer(page))
    return [re.sub(r"\A(---\n.*?^---\n|(:[^\n]*\n)*)", "", body, flags=re.S | re.M) for body in bodies]


def fingerprint(page: Path, root: Path) -> str:
    """Hash of all that a page's cells depend on; empty for a page that runs nothing of the course.

    A topic's page sees its own row of the table of topics and what else it names, any other page the whole table.
    """
    sources = cells(page.read_text(encoding="utf-8"))
    files = reached(sources, root=root)
    keys = {page.stem, *texts(sources)} if (root / "solutions" / page.stem).is_dir() else None
    return digest(files, root, keys, exact=True) if files else ""


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


def connect(app: Sphinx) -> None:
    """Look before pages are read, remember after they are written."""
    app.connect("env-get-outdated", stale_pages)
    app.connect("build-finished", keep_fingerprints)
