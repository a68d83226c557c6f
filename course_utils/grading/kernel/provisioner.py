"""A Jupyter kernel provisioner: the kernels that nbclient, nbgrader or nbval start are forked from a warm process,
inside the sandbox, on Unix sockets.

The kernelspec `course-sandbox` chooses it:

    jupyter kernelspec install course_utils/grading/kernelspec --name course-sandbox --sys-prefix
    nbgrader autograde ps1 --ExecutePreprocessor.kernel_name=course-sandbox
"""

import asyncio
import atexit
import functools
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import KernelProvisionerBase

from course_utils.grading.kernel.warm import Kernel, Warm
from course_utils.grading.sandbox.limits import Limits
from course_utils.grading.sandbox.namespaces import nobody

KERNELSPEC = Path(__file__).parent / "kernelspec"


@functools.cache
def _warm() -> Warm:
    """One warm process for all kernels of this process; it ends with it. bubblewrap would hide the kernels' sockets."""
    warm = Warm(
        kinds=("namespaces", "landlock"),
        modules=("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell"),
    )
    atexit.register(warm.close)
    return warm


class SandboxProvisioner(KernelProvisionerBase):
    """Forks kernels instead of starting them."""

    kernel: Kernel | None = None
    sockets: str | None = None

    @property
    def has_process(self) -> bool:
        """Whether a kernel runs."""
        return self.kernel is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Choose Unix sockets in a folder of their own."""
        manager = self.parent
        if manager is not None and self.sockets is None:
            self.sockets = tempfile.mkdtemp(prefix="kernel-")
            if os.geteuid() == 0:
                os.chown(self.sockets, *nobody())
            manager.transport, manager.ip = "ipc", f"{self.sockets}/k"
            manager.cleanup_connection_file()
            manager.write_connection_file()
            self.connection_info = manager.get_connection_info()
        return await super().pre_launch(cmd=[], **{k: v for k, v in kwargs.items() if k != "cmd"})

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork one; `cmd` is not used."""
        plain = {k: v.decode() if isinstance(v, bytes) else v for k, v in self.connection_info.items()}
        folder = os.path.realpath(kwargs.get("cwd") or os.getcwd())
        jupyter = {"connection": plain, "folder": folder, "sockets": self.sockets}
        self.kernel = await asyncio.to_thread(_warm().fork, Limits(), os.path.basename(folder), jupyter)
        return self.connection_info

    async def poll(self) -> int | None:
        """None while it runs."""
        return 0 if self.kernel is None or self.kernel.poll() else None

    async def wait(self) -> int | None:
        """Wait for its end."""
        while self.kernel is not None and not self.kernel.poll():
            await asyncio.sleep(0.02)
        self._drop()
        return 0

    async def send_signal(self, signum: int) -> None:
        """Send a signal; a gentle end may be ignored by the first process of a namespace, so it is a sure one."""
        if self.kernel is not None:
            self.kernel.signal(signal.SIGKILL if signum == signal.SIGTERM else signum)

    async def kill(self, restart: bool = False) -> None:
        """End it."""
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:
        """End it."""
        await self.send_signal(signal.SIGKILL)

    async def cleanup(self, restart: bool = False) -> None:
        """Remove the sockets."""
        self._drop()
        if self.sockets is not None and not restart:
            shutil.rmtree(self.sockets, ignore_errors=True)
            self.sockets = None

    def _drop(self) -> None:
        if self.kernel is not None:
            self.kernel.close()
        self.kernel = None
