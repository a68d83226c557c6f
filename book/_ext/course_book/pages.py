"""What a page loads and says of itself: nothing from elsewhere, no script that it does not use, a description.

The theme's pages load an icon script of 1.5 MB (its fonts draw the same icons), and fonts and scripts ahead of need;
they wait for scripts before they show a word. That goes; a description for search engines and previews comes, and keys
reach tables and printed columns wider than the page.
"""

import re
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

from course_book import columns
from course_utils import topics

ICON_SCRIPT = re.compile(r'\s*<script src="[^"]*fontawesome[^"]*\.js[^"]*"></script>')
AHEAD = re.compile(r'\s*<link rel="preload" as="(?:font|script)"[^>]*>')
# The page is shown before its scripts run, in their order; words of a page's own ask only for the options.
WAITED_FOR = re.compile(r"<script(?=[^>]* src=)(?![^>]*(?: defer|documentation_options))")
# A sheet that holds nothing but the import of this one, which would be asked for after it.
IMPORTS_BASIC = re.compile(r'(?<=_static/)styles/theme\.css[^"]*(?=")')
# Roles that docutils gives to citations: one is withdrawn, the other forbids the links between them.
CITATION_ROLE = re.compile(r' role="doc-biblioentry"|(?<=<div) role="list"(?= class="citation-list")')
# A folded cell is called by the words that it shows: whoever speaks to a browser says those.
OTHER_NAME = re.compile(r'(?<=<summary) aria-label="Toggle hidden content"')
# The theme lets a wide table scroll, but nobody without a mouse reaches it.
TABLE_BOX = re.compile(r'(<div class="pst-scrollable-table-container")>')
DESCRIPTION_LENGTH = 155


def description(doctree: nodes.document | None, fallback: str) -> str:
    """First paragraph of a page that is not a demo's, cut at a word."""
    found = doctree.findall(nodes.paragraph) if doctree else ()
    texts = [node.astext() for node in found if not _of_a_demo(node)]
    text = " ".join(next((text for text in texts if len(text) > 40), fallback).split())
    if len(text) <= DESCRIPTION_LENGTH:
        return text
    return text[:DESCRIPTION_LENGTH].rsplit(" ", 1)[0] + " …"


def _of_a_demo(node: nodes.Element) -> bool:
    while node.parent is not None and "demo" not in node.get("classes", ()):
        node = node.parent
    return "demo" in node.get("classes", ())


def describe(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Give a page its description and the tags that previews read."""
    text = escape(description(doctree, app.config.html_title), quote=True)
    title = escape(re.sub(r"<[^>]+>", "", context.get("title", "")) or app.config.html_title, quote=True)
    tags = {
        "og:title": title,
        "og:description": text,
        "og:type": "article",
        "og:site_name": app.config.html_title,
    }
    lines = [f'<meta property="{key}" content="{value}" />' for key, value in tags.items()]
    lines.append(f'<meta name="description" content="{text}" />')
    context["metatags"] = context.get("metatags", "") + "\n".join(lines)


def own_address(app: Sphinx, config) -> None:
    """The repository's address comes from the table of topics alone."""
    config.html_theme_options["repository_url"] = topics.REPOSITORY
    config.html_theme_options["repository_branch"] = topics.BRANCH
    config.html_theme_options["use_repository_button"] = True


def written_pages(output: Path) -> list[Path]:
    """All pages of a built book; what the theme keeps among its static files is none."""
    return sorted(page for page in output.rglob("*.html") if "_static" not in page.parts)


def lighten(app: Sphinx, error: Exception | None) -> None:
    """Take out of the written pages what they need not load or wait for, and unfit roles and names.

    Keys reach their tables.
    """
    if error or app.builder.format != "html":
        return
    output = Path(app.outdir)
    for page in written_pages(output):
        text = page.read_text(encoding="utf-8")
        light = text
        for unfit in (ICON_SCRIPT, AHEAD, CITATION_ROLE, OTHER_NAME):
            light = unfit.sub("", light)
        light = WAITED_FOR.sub('<script defer="defer"', IMPORTS_BASIC.sub("basic.css", light))
        light = columns.marked(TABLE_BOX.sub(r'\1 tabindex="0">', light))
        if light != text:
            page.write_text(light, encoding="utf-8")
    for script in output.glob("_static/vendor/fontawesome/*/js/*"):
        script.unlink()


def connect(app: Sphinx) -> None:
    """After the theme has filled the page's context, and after all is written."""
    app.connect("config-inited", own_address)
    app.connect("html-page-context", describe, priority=900)
    app.connect("build-finished", lighten, priority=700)
