"""Lighthouse's scores of the built book's pages, on a local host that compresses, for a desk and for a phone.

    python -m benchmarks.lighthouse                   # pages of three weights
    python -m benchmarks.lighthouse --all             # every page
    python -m benchmarks.lighthouse book/neurons

It needs Node's Lighthouse 12 (`npm install --global lighthouse@12`, or COURSE_LIGHTHOUSE names it) and a Chromium. A
score below its aim is printed and gives exit status 1. Performance is a matter of the machine too: measure on one that
does nothing else.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.host import serving
from course_utils.topics import ROOT

PAGES = ("book/intro", "book/neurons", "book/transfer", "book/flows")
AIMS = {"accessibility": 100, "seo": 100, "best-practices": 96}
PERFORMANCE = {"desktop": 95, "mobile": 85}
SECONDS = 180
RESULTS = Path(__file__).with_name("lighthouse.json")
Scores = dict[str, float]


def scores(program: str, address: str, form: str) -> Scores:
    """A page's scores, 0 to 100; and what stands behind performance: blocked time (ms), layout shift."""
    command = [program, address, "--quiet", "--output=json", "--chrome-flags=--headless=new --no-sandbox"]
    command += ["--preset=desktop"] if form == "desktop" else []
    report = json.loads(_once_more(command))
    found: Scores = {name: round(100 * one["score"]) for name, one in report["categories"].items()}
    audits = report["audits"]
    found["blocked"] = round(audits["total-blocking-time"]["numericValue"])
    found["shift"] = round(audits["cumulative-layout-shift"]["numericValue"], 3)
    return found


def _once_more(command: list[str]) -> bytes:
    """What a command prints; a browser that fell over is started a second time.

    Raises:
        OSError: it failed twice.
    """
    said = b""
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, timeout=SECONDS)
        if done.returncode == 0:
            return done.stdout
        said = done.stderr
    raise OSError(
        said.decode(errors="replace").strip().rpartition("\n")[2] or "Lighthouse failed without a word"
    )


def missed(found: Scores, form: str) -> list[str]:
    """The scores below their aims, in words."""
    aims = {**AIMS, "performance": PERFORMANCE[form]}
    return [f"{name} {found[name]:g} of {aim}" for name, aim in aims.items() if found[name] < aim]


def main() -> int:
    """Measure, print, keep in `lighthouse.json`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", default=PAGES, metavar="PAGE", help="as book/neurons")
    parser.add_argument("--all", action="store_true", help="every page of the book")
    args = parser.parse_args()
    program = os.environ.get("COURSE_LIGHTHOUSE") or shutil.which("lighthouse")
    if program is None:
        print(
            "benchmarks.lighthouse: no `lighthouse` on the path; npm install --global lighthouse@12",
            file=sys.stderr,
        )
        return 2
    built = ROOT / "_build" / "html"
    every = sorted(page.relative_to(built).with_suffix("").as_posix() for page in built.glob("book/*.html"))
    pages = every if args.all else args.pages
    unknown = set(pages) - set(every)
    if unknown:
        print(f"benchmarks.lighthouse: no page {min(unknown)} in {built}; run: course build", file=sys.stderr)
        return 2
    rows, short = {}, 0
    with serving(built) as host:
        for page in pages:
            for form in PERFORMANCE:
                try:
                    found = rows[f"{page} {form}"] = scores(program, f"{host}/{page}.html", form)
                except (OSError, ValueError, subprocess.TimeoutExpired) as error:
                    print(f"{page} on a {form}: not measured: {error}", flush=True)
                    short += 1
                    continue
                below = missed(found, form)
                short += bool(below)
                words = ", ".join(f"{name} {value:g}" for name, value in found.items())
                print(
                    f"{page} on a {form}: {words}{'; MISSED: ' + ', '.join(below) if below else ''}",
                    flush=True,
                )
    RESULTS.write_text(
        json.dumps({"load": os.getloadavg()[0], "rows": rows}, indent=1) + "\n", encoding="utf-8"
    )
    return 1 if short else 0


if __name__ == "__main__":
    raise SystemExit(main())
