"""A demo's named exports, called from Python: `maths(page)` is a handle on the module that the page holds as text."""

IMPORT = """() => {
  const text = document.querySelector('.demo-stage script[type="text/plain"]').textContent;
  return import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
}"""


def maths(page):
    """The module of the demo in `page`; `maths(page).evaluate("(m, x) => m.f(x)", x)` calls its export `f`."""
    return page.evaluate_handle(IMPORT)
