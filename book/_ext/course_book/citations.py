"""Citations found at once: at every one, pybtex looks through all installed packages for its plugin, seconds in all."""

from pybtex.plugin import find_plugin, register_plugin
from sphinx.application import Sphinx

BACKENDS = ("docutils", "plaintext")  # what a citation and its entry are written with


def connect(app: Sphinx) -> None:
    """Look once; what is registered is asked first."""
    for name in BACKENDS:
        register_plugin("pybtex.backends", name, find_plugin("pybtex.backends", name), force=True)
