"""`course doctor`: which layers of the sandbox hold on this machine, found out by trying them."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `course doctor`: none."""


def run(args: argparse.Namespace) -> int:
    """Print a line a layer; 1 where submissions could not be locked in."""
    from course_utils.grading.sandbox.layers import layers

    found = layers()
    for layer in found:
        print(
            f"{'✓' if layer.holds else '✗'} {layer.name:<12}{layer.purpose}{layer.remark and f' ({layer.remark})'}"
        )
    enough = any(layer.holds for layer in found if layer.name in ("namespaces", "bubblewrap", "landlock"))
    if not enough:
        print("Submissions cannot be locked in here; install bubblewrap, or grade on Linux 5.13 or newer.")
    return 0 if enough else 1
