"""Stops a check that goes on for ever in the trusted process itself (a loop over a number that a student chose)."""

import ctypes
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

# By thread: when (of `time.monotonic`), and what to raise.
_due: dict[int, tuple[float, type[BaseException]]] = {}
_changed = threading.Condition()
_watcher = threading.Thread()
_wakes = 0.0  # when the watcher looks again


@contextmanager
def stops(seconds: float, error: type[BaseException]) -> Iterator[None]:
    """Raise `error` in this thread if the block takes longer, between two of its byte codes."""
    thread = threading.get_ident()
    with _changed:
        _due[thread] = (time.monotonic() + seconds, error)
        _watch(_due[thread][0])
    try:
        yield
    finally:
        with _changed:
            _due.pop(thread, None)


def _begin_anew() -> None:
    """In a fork there is no watcher; the lock may have been held by the parent's when the fork was taken."""
    global _changed, _watcher
    _due.clear()
    _changed, _watcher = threading.Condition(), threading.Thread()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


def _watch(due: float) -> None:
    """One thread watches all blocks: to start one for each takes longer than many a check."""
    global _watcher
    if not _watcher.is_alive():
        _watcher = threading.Thread(target=_bark, daemon=True)
        _watcher.start()
    elif due < _wakes:
        _changed.notify()


def _bark() -> None:
    global _wakes
    with _changed:
        while True:
            now = time.monotonic()
            for thread, (due, error) in list(_due.items()):
                if due <= now:
                    del _due[thread]
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(
                        ctypes.c_ulong(thread), ctypes.py_object(error)
                    )
            _wakes = min((due for due, _ in _due.values()), default=now + 3600)
            _changed.wait(_wakes - now)
