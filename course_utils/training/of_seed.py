"""A run within a run: experiments beside a record train their nets from several seeds."""

from course_utils.training.run import Run


class OfSeed(Run):
    """A run on another's device, under its bar, from a seed of its own; its checkpoints lie in a folder of its own."""

    def __init__(self, run: Run, seed: int):
        folder = run.folder / f"seed {seed}" if run.folder else None
        super().__init__(f"{run.name}, seed {seed}", seed, run.device, folder, run._report, run.code)
