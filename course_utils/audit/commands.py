"""`course audit`: prove that a lab's checks are good, and say what a student would read."""

import argparse
import atexit
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime

from tqdm import tqdm

from course_utils.audit import drawn
from course_utils.audit.apart import LAB_SECONDS, audit_apart, hush
from course_utils.audit.findings import Finding, Report, shown
from course_utils.audit.forks import end_with_parent, in_fork, tidied
from course_utils.audit.kept import content_hash, keep, known
from course_utils.audit.mutation_score import (
    LEAST,
    EquivalentsError,
    Score,
    enter,
    equivalents,
    measured,
    plain,
    score,
    shown_score,
)
from course_utils.audit.mutation_score import names as mutant_names
from course_utils.keys import add_keys, chosen
from course_utils.labs.answers import right_answers, wrong_answers
from course_utils.labs.lab import Lab
from course_utils.progress import bar
from course_utils.topics import topic


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `course audit`."""
    add_keys(parser)
    parser.add_argument(
        "--mutants",
        action="store_true",
        help="try generated mutants too; writes solutions/<key>/mutation_score.json",
    )
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes at a time (default 2)")
    parser.add_argument(
        "--messages", action="store_true", help="print what each wrong answer's student would read"
    )
    parser.add_argument(
        "--fresh", action="store_true", help="audit again what solutions/<key>/audit.json proves"
    )
    parser.add_argument(
        "--drawn",
        action="store_true",
        help="audit again two topics and 20 mutants of each, drawn by the date; they must give what is committed",
    )


def run(args: argparse.Namespace) -> int:
    """Audit, print, and give 1 where anything failed."""
    keys = chosen(args, drafts=False)
    with tidied():
        failed = _drawn(keys, args.jobs) if args.drawn else _audit(keys, args)
    if failed:
        print(f"failed: {', '.join(key for key in keys if key in failed)}")
    return 1 if failed else 0


def _audit(keys: tuple[str, ...], args: argparse.Namespace) -> set[str]:
    """Audit what is new; the keys that failed."""
    messages, failed = args.messages or len(keys) == 1, set()
    for report in reports(keys, args.jobs, args.fresh or args.messages):
        print(shown(report, messages), flush=True)
        if not report.passed:
            failed.add(report.key)
    if args.mutants:
        failed |= {key for key in keys if not _scored(key, args.jobs)}
    return failed


def _drawn(keys: tuple[str, ...], jobs: int, day: date | None = None) -> set[str]:
    """Audit again what the day draws, and compare with what is committed; the keys that failed."""
    day = day or datetime.now(UTC).date()
    names, failed = drawn.topics(keys, day), set()
    print(f"drawn for {day}: {', '.join(names)}", flush=True)
    for report in reports(names, jobs, fresh=True, write=False):
        few = drawn.mutants(report.key, mutant_names(Lab.load(report.key)), day)
        complaints = drawn.audit_complaints(report)
        with warm_processes(1) as pool:
            lab = Lab.load(report.key)
            result = pool.submit(score_apart, lab, equivalents(report.key), jobs, few).result()
        complaints += drawn.score_complaints(result, few)
        print("\n".join([shown(report, False), shown_score(result), *complaints]), flush=True)
        if complaints or not report.passed:
            failed.add(report.key)
    return failed


def _scored(key: str, jobs: int) -> bool:
    """Measure, print and enter a lab's mutation score; whether it is high enough."""
    lab = Lab.load(key)
    content = measured(lab)
    with warm_processes(1) as pool:
        result = pool.submit(score_apart, lab, equivalents(key), jobs).result()
    print(f"{key}\n{shown_score(result)}", flush=True)
    enter(result, content)
    return result.share >= LEAST


def score_apart(lab: Lab, declared: dict[str, str], jobs: int, few: set[str] | None = None) -> Score:
    """`score` in a fork.

    Raises:
        EquivalentsError: a declared mutant does not exist, or a check catches it.
        ChildProcessError: the fork died or hung.
    """

    def work() -> dict:
        hush()
        try:
            return plain(score(lab, declared, jobs, few))
        except EquivalentsError as error:
            return {"error": str(error)}

    data = in_fork(work, LAB_SECONDS)
    if data is None:
        raise ChildProcessError(f"{lab.key}: the process that tried its mutants died or hung")
    if "error" in data:
        raise EquivalentsError(data["error"])
    return Score.from_plain(data)


def reports(keys: tuple[str, ...], jobs: int = 2, fresh: bool = False, write: bool = True):
    """Yield the `Report` of each key as it is done; those known by content hash come first."""
    waiting = []
    for key in keys:
        kept = None if fresh else _kept(key)
        if kept is None:
            waiting.append(key)
        else:
            yield kept
    if not waiting:
        return
    inner = max(1, jobs // len(waiting))
    with warm_processes(min(jobs, len(waiting))) as pool, bar(len(waiting), "audit", "lab") as progress:
        futures = {pool.submit(_audited, key, inner): (key, _content(key)) for key in waiting}
        for future in as_completed(futures):
            report = future.result()
            key, content = futures[future]
            if write and content == _content(key):  # else somebody has changed it meanwhile
                keep(report, content)
            progress.update()
            yield report


def _kept(key: str) -> Report | None:
    try:
        return known(key)
    except ValueError:
        return None  # to be said by the audit


def _content(key: str) -> str:
    try:
        return content_hash(key)
    except ValueError:
        return ""


def _audited(key: str, jobs: int) -> Report:
    """Audit a topic; a lab or answers out of order are a finding like any other."""
    began = _cpu_seconds()
    try:
        lab = Lab.load(key)
        lab.refuse_other_points()
        report = audit_apart(lab, wrong_answers(key), right_answers(key), jobs)
        return replace(report, spent=report.spent + _cpu_seconds() - began)
    except ValueError as error:
        return Report(key, topic(key).points, (Finding("reference", "the lab", False, str(error)),))


def _cpu_seconds() -> float:
    """CPU time of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@contextmanager
def warm_processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """Fresh processes that have imported PyTorch, with one thread and no GPU, ready to be forked.

    They read their settings from the environment in which they begin; the caller's is put back at the end.
    """
    before = dict(os.environ)
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    os.environ.update(COURSE_TIER="mini", COURSE_COUNTS="mini", CUDA_VISIBLE_DEVICES="", MPLBACKEND="Agg")
    os.environ["COURSE_PICTURES"] = "0"  # nobody looks
    # Large tensors come from the heap, not from a new mapping each: page faults cost more than the sums of a small net.
    os.environ.update(MALLOC_MMAP_THRESHOLD_="33554432", MALLOC_TRIM_THRESHOLD_="4294967296")
    spawn = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(count, mp_context=spawn, initializer=_warm) as pool:
            yield pool
    finally:
        os.environ.clear()
        os.environ.update(before)


def _warm() -> None:
    import nbgrader.preprocessors  # noqa: F401 - imported here, it is there in every fork
    import torch

    import course_utils.audit.engine  # noqa: F401
    from course_utils.data import digits

    end_with_parent()
    torch.set_num_threads(1)
    digits.load("mini", "train")  # most mini tiers take them: read here, each fork has them
    tqdm.monitor_interval = 0  # no thread beside the one that is forked
    # A fork takes a copy of its parent's folder along: this one is empty, and not the course's.
    folder = tempfile.mkdtemp(prefix="audit-")
    os.chdir(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
