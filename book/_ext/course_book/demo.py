"""`{demo} name`: a demo that moves in the page, from `course_utils/demos/<name>.js`.

The module stands in the page as text; `demo.js` imports it once the reader scrolls near, also from a file and with
the network off. Until then, on paper and without JavaScript, a still picture holds its place: what the module's own
`still()` draws (a function that returns SVG, run here while the book is built), or the picture named by `:still:`.
"""

import json
import re
from functools import cache
from html import escape

from docutils import nodes
from docutils.parsers.rst import directives
from py_mini_racer import JSEvalException, MiniRacer
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from course_utils import demos


@cache
def drawn_still(source: str) -> str:
    """SVG that the module's exported `still()` returns, or nothing where it has none.

    Raises:
        ValueError: `still` fails or returns no SVG.
    """
    if not re.search(r"^export (function|const) still\b", source, re.MULTILINE):
        return ""
    script = re.sub(r"^export default\b", "var demo =", source, flags=re.MULTILINE)
    script = re.sub(r"^export (?=async |function|const|let|class)", "", script, flags=re.MULTILINE)
    try:
        picture = str(MiniRacer().eval(f"(() => {{ {script}\n; return still(); }})()"))
    except JSEvalException as error:
        raise ValueError(f"still() failed: {str(error).splitlines()[0]}") from None
    if not picture.lstrip().startswith("<svg"):
        raise ValueError(f"still(): expected SVG text, got {picture[:40]!r}")
    return picture


def heights(argument: str) -> tuple[int, int]:
    """Heights in pixels on a desk and on a phone, from `520 960`; `520` holds for both."""
    desk, *phone = map(directives.nonnegative_int, argument.split())
    if len(phone) > 1:
        raise ValueError(f"expected one height or two (desk, phone), got {argument}")
    return desk, (phone or [desk])[0]


def stage(
    name: str, source: str, alt: str, state: str = "{}", reserved: tuple[int, int] = (480, 480)
) -> tuple[str, str]:
    """HTML of a demo's stage before and after its still picture.

    Args:
        name: the demo's name.
        source: text of its module.
        alt: what the demo shows, in words.
        state: first values of its traits, as a JSON object.
        reserved: pixels to reserve on a desk and on a phone, so that nothing jumps when the demo starts.

    Raises:
        ValueError: there is no alt, or the state is no JSON object.
    """
    if not alt:
        raise ValueError("expected an :alt: that says what the demo shows, got none")
    if not isinstance(json.loads(state), dict):
        raise ValueError(f'expected :state: to be a JSON object such as {{"layers": 2}}, got {state}')
    opening = (
        f'<div class="demo-stage" data-demo="{escape(name)}" data-state="{escape(state)}" role="group" '
        f'aria-label="{escape(alt)}" style="--desk: {reserved[0]}px; --phone: {reserved[1]}px">'
        '<div class="demo-still">'
    )
    module = source.replace("</script", "<\\/script")
    note = '<p class="demo-note">This picture moves when the page runs JavaScript.</p>'
    return opening, f'{note}</div><script type="text/plain">\n{module}</script></div>'


class Demo(SphinxDirective):
    """A stage of reserved height, the module's text, a still picture and a caption (the directive's body)."""

    required_arguments = 1
    has_content = True
    option_spec = {  # noqa: RUF012
        "height": heights,
        "alt": directives.unchanged_required,
        "still": directives.unchanged,
        "state": directives.unchanged,
    }

    def run(self) -> list[nodes.Node]:
        """A container: the stage as HTML around the still picture, then the parsed caption."""
        name = self.arguments[0]
        try:
            source = demos.source(name)
            alt, state = self.options.get("alt", ""), self.options.get("state", "{}")
            before, after = stage(name, source, alt, state, self.options.get("height", (480, 480)))
            still = self.still(source, alt)
        except (demos.UnknownDemo, ValueError) as error:
            raise self.error(f"demo {name}: {error}") from None
        for file in demos.files(name):
            self.env.note_dependency(str(file))
        figure = nodes.container(classes=["demo"], ids=[f"demo-{name}"])
        figure += [nodes.raw("", before, format="html"), still, nodes.raw("", after, format="html")]
        caption = nodes.container(classes=["demo-caption"])
        self.state.nested_parse(self.content, self.content_offset, caption)
        if caption.children:
            figure += caption
        return [figure]

    def still(self, source: str, alt: str) -> nodes.Node:
        """The picture that holds the demo's place: a file, what the module draws, or the words alone."""
        if "still" in self.options:
            return nodes.image(uri=self.options["still"], alt=alt)
        drawn = drawn_still(source)
        if drawn:
            return nodes.raw("", f'<div role="img" aria-label="{escape(alt)}">{drawn}</div>', format="html")
        return nodes.paragraph("", alt)


def connect(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("demo", Demo)
