"""Knobs in a lab: sliders and choices that run the student's own function whenever one of them is moved.

    def ring(decay=0.9): ...
    turn(ring, "Which decay makes a bell?", decay=(0.5, 0.99, 0.01))

Works with ipywidgets 7.7 (Colab) and 8. Where no notebook is open, as when a class is marked, nothing runs.
"""

import html
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Range = tuple[float, float, float]  # lowest, highest, step
WIDE = {"description_width": "initial"}


@dataclass(frozen=True)
class Knobs:
    """What stands where nobody can turn anything."""

    look_for: str

    def __repr__(self) -> str:
        return f"[knobs: {self.look_for}]"


def turn(draw: Callable[..., Any], look_for: str, **knobs: Range | list) -> Any:
    """A knob for each argument of `draw`; what it gives is shown below and made anew when a knob is moved.

    Args:
        draw: Its arguments' defaults are where the knobs begin; it gives something to show, such as a figure.
        look_for: A sentence for the reader: what to try, what to look for.
        knobs: For each argument (lowest, highest, step), or a list of choices.

    Raises:
        ValueError: there is no such argument, or it has no default.
    """
    starts = {name: item.default for name, item in inspect.signature(draw).parameters.items()}
    for name in knobs:
        if starts.get(name, inspect.Parameter.empty) is inspect.Parameter.empty:
            raise ValueError(f"turn: expected an argument {name} with a default, got {list(starts)}")
    if not _open():
        return Knobs(look_for)
    import ipywidgets
    from IPython.display import display

    controls = {name: _knob(name, span, starts[name]) for name, span in knobs.items()}
    shown = ipywidgets.interactive_output(lambda **values: display(draw(**values)), controls)
    return ipywidgets.VBox(
        [ipywidgets.HTML(f"<p>{html.escape(look_for)}</p>"), *controls.values(), shown],
    )


def _open() -> bool:
    """Whether this is a notebook's kernel, which somebody may look at."""
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


def _knob(name: str, span: Range | list, start: Any) -> Any:
    import ipywidgets

    said = {"description": name.replace("_", " "), "style": WIDE, "value": start}
    if isinstance(span, list):
        return ipywidgets.Dropdown(options=span, **said)
    low, high, step = span
    whole = all(isinstance(number, int) for number in (*span, start))
    slider = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    return slider(min=low, max=high, step=step, continuous_update=False, **said)
