"""One thread everywhere: small nets lose to thread contention, and two cores are shared."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
