"""Demos: one small ES module each, `<name>.js`, that moves in a page of the book and in a notebook.

A module has anywidget's form: `export default { render({ model, el }) { … } }`. It draws into `el` and may read and
write traits (`model.get`, `model.set` and `model.save_changes`, `model.on("change:…")`), each with a default of its
own where the model has none. Its arithmetic stands in named exports, so that tests compare it with PyTorch. It may
export `still()`, a function without a document that returns SVG: the picture in the page until the demo starts.
It loads nothing, and draws with `currentColor` on no background, so that it reads in both themes.

What demos share lies in `shared/`: `kit.js` (colours, controls, seeded random numbers, playing, the section around a
demo) and `net.js` (a small network and its gradients). A demo too long for one file has others in a folder of its name.
A file names what it takes from another in one line, `import { … } from "./shared/kit.js";`; where the demo is used, the
texts of the others stand in front of its own instead.
"""

import importlib.util
import re
from pathlib import Path
from typing import Any

from course_utils import topics

FOLDER = Path(__file__).parent
SHARED = FOLDER / "shared" / "kit.js"
TAKEN = re.compile(r'^import \{[^}]*\} from "(\.[\w./]+\.js)";\n', re.MULTILINE)


class UnknownDemo(ValueError):
    """A name that no demo carries; the message lists the names."""


def names() -> list[str]:
    """Names of all demos."""
    return sorted(path.stem for path in FOLDER.glob("*.js"))


def path(name: str) -> Path:
    """The ES module of a demo.

    Raises:
        UnknownDemo: there is none of that name.
    """
    if name not in names():
        raise UnknownDemo(f"no demo is called {name!r}; choose one of: {', '.join(names())}")
    return FOLDER / f"{name}.js"


def files(name: str) -> list[Path]:
    """A demo's files: each once, after those that it takes from, the demo's own module last.

    Raises:
        UnknownDemo: there is none of that name.
    """
    found: list[Path] = []
    _take(path(name).resolve(), found)
    return found


def _take(file: Path, found: list[Path]) -> None:
    for taken in TAKEN.findall(file.read_text(encoding="utf-8")):
        _take((file.parent / taken).resolve(), found)
    if file not in found:
        found.append(file)


def source(name: str) -> str:
    """Text of a demo's ES module, whole: what it takes from other files stands in it.

    Raises:
        UnknownDemo: there is none of that name.
    """
    return "\n".join(TAKEN.sub("", file.read_text(encoding="utf-8")) for file in files(name))


def demo(name: str, **traits: Any) -> Any:
    """The demo as a widget whose traits are shared both ways; without anywidget, a line that says where it moves.

    Args:
        name: the demo's name.
        traits: first values of the demo's traits, plain data.

    Raises:
        UnknownDemo: there is none of that name.
    """
    module = source(name)
    if importlib.util.find_spec("anywidget") is None:
        print(
            f"The demo {name!r} needs the package anywidget here; it also moves in the book: {topics.REPOSITORY}"
        )
        return None
    import anywidget
    import traitlets

    shared = {trait: traitlets.Any(value).tag(sync=True) for trait, value in traits.items()}
    return type(f"Demo_{name}", (anywidget.AnyWidget,), {"_esm": module, **shared})()
