"""What runs in a chapter's forked kernel. A module of its own: a kernel imports it without Sphinx and all it brings."""

import os

from ipykernel.kernelapp import IPKernelApp


def serve(options: list[str], folder: str) -> None:
    """Be an IPython kernel in `folder`; it ends with the process that it was forked from."""
    os.chdir(folder)
    IPKernelApp.launch_instance(argv=[*options, f"--IPKernelApp.parent_handle={os.getppid()}"])
