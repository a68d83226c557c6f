"""Chapters run side by side before Sphinx reads them one after another and finds each run in the cache.

Their kernels are forked from one process that has imported what chapters import, so that this is paid once: PyTorch,
an optimiser's first step and matplotlib take longer than many a chapter's own cells. A page that fails here is left
to myst-nb, which runs it again and reports it as ever.
"""

import asyncio
import multiprocessing
import os
import tempfile
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import KernelProvisionerBase
from myst_nb.core.read import create_nb_reader
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, DeadKernelError
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from course_book import kernel

logger = logging.getLogger(__name__)

AT_ONCE = min(os.cpu_count() or 1, 4)
# What most chapters import; the second is what an optimiser's first step imports. One that is missing is passed over.
PRELOADED = [
    "torch",
    "torch._dynamo",
    "torch.utils.data",
    "course_book.kernel",
    "ipykernel.debugger",
    "sklearn.datasets",
    "matplotlib.pyplot",
    "course_utils.plots",
]
FORKS = multiprocessing.get_context("forkserver")


class ForkedKernel(KernelProvisionerBase):
    """A kernel that is forked instead of started."""

    process: BaseProcess | None = None

    @property
    def has_process(self) -> bool:
        """Whether a kernel was forked."""
        return self.process is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Write where the kernel listens."""
        manager = self.parent
        manager.write_connection_file()
        self.connection_info = manager.get_connection_info()
        return await super().pre_launch(
            cmd=manager.format_kernel_cmd(kwargs.pop("extra_arguments", [])), **kwargs
        )

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork one that reads the options of the command `python -m ipykernel_launcher OPTIONS`."""
        options = cmd[cmd.index("-f") :]
        self.process = FORKS.Process(target=kernel.serve, args=(options, kwargs["cwd"]), daemon=True)
        self.process.start()
        return self.connection_info

    async def poll(self) -> int | None:
        """None while it runs."""
        return self.process.exitcode if self.process else 0

    async def wait(self) -> int | None:
        """Wait for its end."""
        while self.process and self.process.exitcode is None:
            await asyncio.sleep(0.02)
        self.process = None
        return 0

    async def send_signal(self, signum: int) -> None:
        """Send a signal, if it still runs."""
        if self.process and self.process.exitcode is None and self.process.pid:
            os.kill(self.process.pid, signum)

    async def kill(self, restart: bool = False) -> None:
        """End it."""
        if self.process:
            self.process.kill()

    async def terminate(self, restart: bool = False) -> None:
        """End it."""
        await self.kill()

    async def cleanup(self, restart: bool = False) -> None:
        """Its sockets lie in a folder that goes with all of them."""


def waiting(env: BuildEnvironment, names: list[str]) -> dict[Path, NotebookNode]:
    """Pages with cells that no cached run serves, the longest first, so that the last to end is short."""
    runs, found = get_cache(env.mystnb_config.execution_cache_path), {}
    for page in (Path(env.doc2path(name)) for name in names):
        text = page.read_text(encoding="utf-8")
        reader = create_nb_reader(str(page), env.myst_config, env.mystnb_config, text)
        notebook = reader.read(text) if reader else None
        if notebook and any(cell.cell_type == "code" for cell in notebook.cells):
            try:
                runs.match_cache_notebook(notebook)
            except KeyError:
                found[page] = notebook
    return dict(sorted(found.items(), key=lambda item: -item[0].stat().st_size))


async def run(page: Path, notebook: NotebookNode, timeout: int, sockets: str) -> float:
    """Run a page's cells in place; returns seconds.

    Raises:
        CellControlSignal, DeadKernelError: a cell failed or took too long, or the kernel ended.
    """
    began = time.monotonic()
    place = f"{sockets}/{page.stem}"
    manager = AsyncKernelManager(transport="ipc", ip=place, connection_file=f"{place}.json")
    manager.provisioner = ForkedKernel(parent=manager, kernel_id=page.stem, kernel_spec=manager.kernel_spec)
    where = {"metadata": {"path": str(page.parent)}}
    # Times noted in a cell would make another cell of it, which no cached run serves.
    settings = {"timeout": timeout, "record_timing": False, "shutdown_kernel": "immediate"}
    client = NotebookClient(notebook, km=manager, resources=where, **settings)
    await client.async_execute(cleanup_kc=True)
    return time.monotonic() - began


async def run_all(pages: dict[Path, NotebookNode], config: Any) -> None:
    """Run pages, as many at once as there are cores, and keep each run as soon as it is made."""
    turn, runs = asyncio.Semaphore(AT_ONCE), get_cache(config.execution_cache_path)

    async def one(page: Path, notebook: NotebookNode) -> None:
        async with turn:
            try:
                seconds = await run(page, notebook, config.execution_timeout, sockets)
            except (CellControlSignal, DeadKernelError):
                return
        made = CacheBundleIn(notebook, str(page), data={"execution_seconds": seconds})
        runs.cache_notebook_bundle(made, check_validity=False, overwrite=True)
        logger.info("%s: ran in %.0f s", page.name, seconds)

    with tempfile.TemporaryDirectory() as sockets:
        await asyncio.gather(*(one(*item) for item in pages.items()))


def run_before_reading(app: Sphinx, env: BuildEnvironment, names: list[str]) -> None:
    """Run what waits; one page alone gains nothing by it and is left to myst-nb."""
    pages = waiting(env, names)
    if len(pages) > 1:
        logger.info("running %d pages, %d at once", len(pages), AT_ONCE)
        FORKS.set_forkserver_preload(PRELOADED)
        # Importing the debugger prints a warning otherwise.
        os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
        asyncio.run(run_all(pages, env.mystnb_config))


def connect(app: Sphinx) -> None:
    """When it is known which pages are read."""
    app.connect("env-before-read-docs", run_before_reading)
