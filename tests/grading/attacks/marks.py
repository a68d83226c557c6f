"""Attacks on the marks: a wrong `square` or `total` that would be taken for a right one."""

from tests.grading.attacks.attack import Attack

WRONG = "def square(x):\n    return x + x\n"


def on_square(name: str, source: str, **more: object) -> Attack:
    """An attack in the cell of `square`, whose own function is wrong: the other checks' three points are deserved."""
    return Attack(name, {"square": f"{WRONG}{source}"}, **{"earns": 3.0, **more})  # type: ignore[arg-type]


def on_total(name: str, source: str, **more: object) -> Attack:
    """The same in the cell of `total`."""
    start = "def total(numbers):\n    return 6\n"
    return Attack(name, {"total": f"{start}{source}"}, **{"earns": 3.0, **more})  # type: ignore[arg-type]


MARKS = (
    on_square("keyed on the visible test", "def square(x): return torch.tensor([1.0, 4.0, 9.0])"),
    on_total("keyed on the visible list", "def total(numbers): return 6 if len(numbers) == 3 else 0"),
    on_square(
        "a tensor equal to everything",
        """
class Yes(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True
    __eq__ = __ne__ = __bool__ = __sub__ = lambda *_: True
    __class__ = torch.Tensor
def square(x): return torch.zeros_like(x).as_subclass(Yes)
""",
    ),
    on_total(
        "a number equal to everything",
        """
class Yes(int):
    __eq__ = lambda *_: True
    __ne__ = lambda *_: False
    __hash__ = int.__hash__
def total(numbers): return Yes(6)
""",
    ),
    on_total(
        "an object equal to everything",
        """
class Yes:
    __eq__ = __bool__ = lambda *_: True
    __getattr__ = lambda self, name: self
    __call__ = lambda self, *_: self
    __hash__ = lambda self: 6
def total(numbers): return Yes()
""",
    ),
    on_square(
        "patched comparisons",
        """
for name in ("allclose", "isclose", "equal", "all"):
    setattr(torch, name, lambda *_, **__: torch.tensor(True))
torch.testing.assert_close = lambda *_, **__: None
torch.Tensor.__eq__ = torch.Tensor.all = lambda *_, **__: torch.tensor(True)
""",
    ),
    on_square(
        "the course's checks patched",
        """
import course_utils.checks as checks, sys
for module in [m for name, m in list(sys.modules.items()) if name.startswith("course_utils.checks")]:
    for name in ("close", "equal", "holds", "judge"):
        if hasattr(module, name): setattr(module, name, lambda *_, **__: None)
checks.CheckFailed.__init__ = lambda *_, **__: None
""",
    ),
    on_square(
        "patches from a thread, again and again",
        """
import threading, time
def patch():
    for _ in range(600):
        torch.allclose = torch.equal = lambda *_, **__: True
        time.sleep(0.05)
threading.Thread(target=patch, daemon=True).start()
""",
    ),
    on_square(
        "assertions removed by an AST transformer",
        """
import ast
class NoAsserts(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.Pass()
    def visit_Expr(self, node): return ast.Expr(ast.Constant(2.0))
get_ipython().ast_transformers.append(NoAsserts())
""",
        earns=2.0,  # the cell that trains ends in an expression, and is emptied as well
    ),
    on_square(
        "checks replaced by an input transformer",
        """
shell = get_ipython()
shell.input_transformers_cleanup.append(lambda lines: ["2.0"])
shell.input_transformers_post.append(lambda lines: ["2.0"])
""",
        earns=0.0,  # its own later cells become "2.0" as well
        costs=True,
    ),
    on_square(
        "run_cell patched",
        """
shell = type(get_ipython())
shell.run = lambda *_: {"ok": True, "error": None, "outputs": [["text", "2.0"]], "points": 2.0, "score": 2.0}
shell.run_cell = lambda *_, **__: None
""",
        costs=True,
    ),
    on_square(
        "an exception hook that swallows",
        """
import sys
shell = get_ipython()
shell.set_custom_exc((BaseException,), lambda *_, **__: None)
shell.showtraceback = lambda *_, **__: None
sys.excepthook = lambda *_: None
""",
    ),
    on_square(
        "a trace function",
        """
import sys, threading
def trace(frame, event, argument):
    if "x" in frame.f_locals: frame.f_locals["x"] = frame.f_locals["x"] * 0
    frame.f_trace_lines = False
    return trace
sys.settrace(trace); threading.settrace(trace); sys.setprofile(trace)
""",
    ),
    on_square(
        "an import hook",
        """
import builtins, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        sys.modules[name] = sys.modules["torch"]
sys.meta_path.insert(0, Finder())
real = builtins.__import__
builtins.__import__ = lambda name, *rest: torch if "checks" in name else real(name, *rest)
""",
    ),
    on_square(
        "builtins patched",
        """
import builtins
builtins.AssertionError = type("Quiet", (Exception,), {})
builtins.isinstance = lambda *_: True
builtins.float = lambda *_: 2.0
""",
        costs=True,
    ),
    on_square(
        "forged display and stream messages",
        """
import sys
from IPython.display import display, publish_display_data
display(2.0)
publish_display_data({"text/plain": "2.0", "application/vnd.nbgrader+json": {"score": 2, "max_score": 2}})
print('{"status": "ok", "score": 2.0}'); sys.__stdout__.write("2.0\\n")
2.0
""",
    ),
    on_square(
        "answers forged on every descriptor",
        """
import json, os, struct
text = json.dumps({"re": 1, "value": 2.0, "points": 2.0, "buffers": []}).encode()
for descriptor in range(3, 64):
    try: os.write(descriptor, struct.pack("!II", len(text), 0) + text)
    except OSError: pass
""",
        costs=True,
    ),
    on_square(
        "answers forged ahead through the channel",
        """
import gc
for channel in [o for o in gc.get_objects() if type(o).__name__ == "Channel"]:
    for number in range(1, 40):
        channel.send({"re": number, "value": True})
""",
        costs=True,
    ),
    on_square(
        "requests of its own to the trusted side",
        """
import gc
(agent,) = [o for o in gc.get_objects() if type(o).__name__ == "Agent"]
for op in ("eval", "name", "set", "read", "callback", "module"):
    try: print("got", "in", agent.ask(op, 0, "__import__('os').system('true')"))
    except BaseException as error: print(type(error).__name__)
""",
        costs=True,
    ),
    on_square("inputs changed in place", "def square(x): return x.zero_()"),
    on_square("not a number", "def square(x): return x * float('nan')"),
    on_square("a shape that broadcasts", "def square(x): return torch.zeros(1).expand(1 << 25)"),
    on_square("no values at all", "def square(x): return torch.zeros(0)"),
    on_square("data where a function is due", "square = torch.tensor([1.0, 4.0, 9.0])"),
    on_total("a number of thousands of digits", "def total(numbers): return 10**5000"),
    on_total("a list within itself", "def total(numbers):\n    x = []\n    x.append(x)\n    return x"),
    on_total(
        "a generator of a million items",
        "def total(numbers): return (6 for _ in range(10**6))",
    ),
    on_total(
        "an exception that lies",
        """
class CheckFailed(BaseException):
    __str__ = lambda self: (_ for _ in ()).throw(SystemExit)
class Interrupted(CheckFailed): pass
def total(numbers): raise Interrupted
""",
        costs=True,
    ),
    on_total("an exit", "def total(numbers): raise SystemExit(0)"),
    on_square(
        "names of the check overridden",
        """
class student:
    square = staticmethod(lambda x: x * x)
close = equal = holds = lambda *_, **__: None
x = secret = earned = points = 2.0
""",
    ),
)
