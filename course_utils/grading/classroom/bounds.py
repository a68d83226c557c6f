"""What the trusted side may use for one submission. The sandbox bounds the student's process, this its judge.

What is handed in goes through parsers and measurements here: none of them may take a machine's memory, or for ever.
"""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager

# Bytes of address space, beyond what the process has mapped already: a baseline of the full tier takes half of it.
MEMORY = 3 << 30


@contextmanager
def bounded(seconds: float, memory: int = MEMORY) -> Iterator[None]:
    """Within this block allocations beyond `memory` fail, and after so long the kernel ends the process.

    An exception could not stop what never comes back to Python, such as one long step of a regular expression. Only
    the soft limit is set: the student's process, a grandchild, has bounds of its own.
    """
    with open("/proc/self/statm") as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    wanted = mapped + memory
    soft = wanted if before[1] == resource.RLIM_INFINITY else min(wanted, before[1])
    resource.setrlimit(resource.RLIMIT_AS, (soft, before[1]))
    alarm = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *alarm)
        resource.setrlimit(resource.RLIMIT_AS, before)
