"""How a check fails: what was checked, expected, got, where to look."""


class CheckFailed(AssertionError):
    """A check that the student's work did not pass. Its text is all that a student is shown."""

    def __init__(self, what: str, expected: object = "", got: object = "", hint: str = ""):
        self.what, self.expected, self.got, self.hint = what, str(expected), str(got), hint
        rows = [("expected", self.expected), ("got", self.got), ("look at", hint)]
        # Long lines wrap in a notebook; continuation lines stand below their own text.
        lines = [f"  {name + ':':<10}{text}".replace("\n", "\n" + " " * 12) for name, text in rows if text]
        super().__init__("\n".join([what, *lines]))

    def _render_traceback_(self) -> list[str]:
        """IPython shows this instead of a traceback: the check's own lines would teach nothing."""
        return [f"✗ {self}"]


class StudentError(CheckFailed):
    """The student's own code raised an exception while a check ran it.

    `kinds` are the names of the exception's classes, most special first; `line` is the student's own line.
    """

    def __init__(self, what: str, kinds: tuple[str, ...], message: str, line: str = ""):
        self.kinds, self.message, self.line = kinds, message, line
        if "NotImplementedError" in kinds and not message:  # PyTorch raises it too, and says for what
            super().__init__(
                f"{what}: not written yet", hint="replace `raise NotImplementedError` by your code"
            )
        else:
            super().__init__(f"{what} raised {kinds[0]}: {message}", hint=line)
