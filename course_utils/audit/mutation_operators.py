"""Small changes to one node of a solution, each a slip that a student could make.

After the operators of DeMillo, Lipton and Sayward (1978) and of Offutt et al. (1996), with those of tensor code added:
dimensions, dropped `keepdim` and `detach`, swapped reductions, swapped arguments.
"""

import ast
from collections.abc import Iterator
from copy import deepcopy

_BINARY: dict[type, list[type]] = {
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Div],
    ast.Div: [ast.Mult],
    ast.Pow: [ast.Mult],
    ast.FloorDiv: [ast.Mult],
    ast.Mod: [ast.FloorDiv],
    ast.BitAnd: [ast.BitOr],
    ast.BitOr: [ast.BitAnd],
}
_COMPARE: dict[type, list[type]] = {
    ast.Lt: [ast.LtE, ast.Gt],
    ast.LtE: [ast.Lt, ast.GtE],
    ast.Gt: [ast.GtE, ast.Lt],
    ast.GtE: [ast.Gt, ast.LtE],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
}
_PAIRS = (
    ("mean", "sum"),
    ("max", "min"),
    ("amax", "amin"),
    ("argmax", "argmin"),
    ("maximum", "minimum"),
    ("cos", "sin"),
    ("ones", "zeros"),
    ("ones_like", "zeros_like"),
    ("rand", "randn"),
    ("rand_like", "randn_like"),
    ("tril", "triu"),
    ("floor", "ceil"),
    ("any", "all"),
    ("softmax", "log_softmax"),
    ("exp", "log"),
    ("cumsum", "cumprod"),
    ("square", "sqrt"),
    ("stack", "cat"),
    ("var", "std"),
    ("train", "eval"),
)
_OTHER_NAME = {one: other for pair in _PAIRS for one, other in (pair, pair[::-1])}
_MODULES = {"torch", "nn", "F", "functional", "math", "np", "init", "linalg", "fft", "random", "self"}
# Changes of form, not of value: leaving them out is another right answer.
_FORM_NAMES = """
    item tolist contiguous to cpu cuda float double long int numpy type_as list tuple str bool reversed sorted dict set
    range len isinstance super zip enumerate print hasattr getattr zeros ones empty full tensor randn rand arange
    linspace eye manual_seed zeros_like ones_like empty_like full_like randn_like rand_like Generator Parameter
"""
_FORMS = set(_FORM_NAMES.split())
_SYMMETRIC_NAMES = """
    add mul maximum minimum max min dot mse_loss l1_loss equal allclose isclose logaddexp hypot gcd isinstance
"""
_SYMMETRIC = set(_SYMMETRIC_NAMES.split())
_SILENT = {"device", "generator", "non_blocking", "inplace", "pin_memory", "num_workers", "desc", "label"}


def expression_slips(node: ast.expr, parent: ast.AST) -> Iterator[ast.expr]:
    """Other expressions for `node`; they share its children and must not be changed."""
    if isinstance(node, ast.BinOp):
        yield from _binary(node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield node.operand
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        yield from node.values
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield from (
            ast.Compare(node.left, [other()], node.comparators) for other in _COMPARE[type(node.ops[0])]
        )
    elif isinstance(node, ast.Constant):
        yield from _constant(node)
    elif isinstance(node, ast.IfExp):
        yield ast.IfExp(node.test, node.orelse, node.body)
        yield from (node.body, node.orelse)
    elif isinstance(node, ast.Call):
        yield from _call(node, parent)
    elif isinstance(node, ast.Attribute):
        yield from _attribute(node, parent)
    elif isinstance(node, ast.Subscript):
        yield from _subscript(node)
    elif isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp):
        yield from _comprehension(node)
    elif isinstance(node, ast.Tuple) and isinstance(parent, ast.Return) and len(node.elts) > 1:
        yield ast.Tuple([node.elts[1], node.elts[0], *node.elts[2:]], ast.Load())


def _binary(node: ast.BinOp) -> Iterator[ast.expr]:
    for other in _BINARY.get(type(node.op), []):
        yield ast.BinOp(node.left, other(), node.right)
    if isinstance(node.op, ast.Sub | ast.Div | ast.MatMult | ast.Pow | ast.FloorDiv | ast.Mod):
        yield ast.BinOp(node.right, node.op, node.left)
    if isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div | ast.Pow | ast.FloorDiv):
        yield node.left
    if isinstance(node.op, ast.Add | ast.Sub | ast.Mult):
        yield node.right


def _constant(node: ast.Constant) -> Iterator[ast.expr]:
    value = node.value
    others: list[object] = []
    if isinstance(value, bool):
        others = [not value]
    elif isinstance(value, int):
        others = [value + 1, value - 1, 2 * value, 0]
    elif isinstance(value, float):
        # A guard such as 1e-8 is met by its absence or by far too much of it; twice as much is the same answer.
        others = [0.0, 1000 * value] if abs(value) < 1e-3 else [2 * value, value + 1.0, -value, 0.0]
    elif isinstance(value, str):
        others = _words(value)
    for other in dict.fromkeys(others):
        if other != value:
            yield _number(other)


def _words(value: str) -> list[object]:
    if "->" in value:
        inputs, _, output = value.partition("->")
        return [f"{inputs}->{output[::-1]}"]
    return [{"mean": "sum", "sum": "mean"}[value]] if value in ("mean", "sum") else []


def _number(value: object) -> ast.expr:
    """A constant as Python's parser writes it: -1 is a minus and a 1."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)  # type: ignore[arg-type]


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _call(node: ast.Call, parent: ast.AST) -> Iterator[ast.expr]:
    name, plain = _called(node), not any(isinstance(item, ast.Starred) for item in node.args)
    method = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") not in _MODULES
    if name not in _FORMS and not isinstance(parent, ast.Expr):
        if method and isinstance(node.func, ast.Attribute) and not _is_module(node.func.value):
            yield node.func.value
        elif plain and node.args and not isinstance(node.args[0], ast.Constant):
            yield node.args[0]
    if plain and name not in _SYMMETRIC:
        for place in range(len(node.args) - 1):
            swapped = list(node.args)
            swapped[place : place + 2] = swapped[place + 1], swapped[place]
            yield ast.Call(node.func, swapped, node.keywords)
    for keyword in node.keywords:
        if keyword.arg is not None and keyword.arg not in _SILENT:
            yield ast.Call(node.func, node.args, [other for other in node.keywords if other is not keyword])
    if method and plain and node.args and name not in _FORMS:
        yield ast.Call(node.func, node.args[:-1], node.keywords)
    if name == "range" and plain:
        for place, argument in enumerate(node.args):
            for shifted in _shifted(argument):
                yield ast.Call(node.func, [*node.args[:place], shifted, *node.args[place + 1 :]], [])


def _is_module(node: ast.expr) -> bool:
    """`torch.nn`, `nn.functional`: a path of modules."""
    if isinstance(node, ast.Attribute):
        return node.attr in _MODULES and _is_module(node.value)
    return isinstance(node, ast.Name) and node.id in _MODULES - {"self"}


def _attribute(node: ast.Attribute, parent: ast.AST) -> Iterator[ast.expr]:
    if node.attr in _OTHER_NAME and isinstance(parent, ast.Call):
        yield ast.Attribute(node.value, _OTHER_NAME[node.attr], ast.Load())
    if node.attr in ("T", "mT", "grad", "data"):
        yield node.value


def _shifted(node: ast.expr) -> Iterator[ast.expr]:
    """One more and one less, where constants do not have it already."""
    if not isinstance(node, ast.Constant):
        yield ast.BinOp(node, ast.Add(), ast.Constant(1))
        yield ast.BinOp(node, ast.Sub(), ast.Constant(1))


def _subscript(node: ast.Subscript) -> Iterator[ast.expr]:
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    for place, part in enumerate(parts):
        if not isinstance(part, ast.Slice):
            continue
        for other in _slice(part):
            new = [*parts[:place], other, *parts[place + 1 :]]
            yield ast.Subscript(node.value, ast.Tuple(new, ast.Load()) if len(parts) > 1 else other, node.ctx)


def _slice(part: ast.Slice) -> Iterator[ast.Slice]:
    if part.lower is None and part.upper is None and part.step is None:
        return
    if part.lower is not None:
        yield ast.Slice(None, part.upper, part.step)
        for shifted in _shifted(part.lower):
            yield ast.Slice(shifted, part.upper, part.step)
    if part.upper is not None:
        yield ast.Slice(part.lower, None, part.step)
        for shifted in _shifted(part.upper):
            yield ast.Slice(part.lower, shifted, part.step)
    if part.step is not None:
        yield ast.Slice(part.lower, part.upper, None)


def _comprehension(node: ast.ListComp | ast.GeneratorExp | ast.SetComp) -> Iterator[ast.expr]:
    for place, generator in enumerate(node.generators):
        for condition in generator.ifs:
            other = deepcopy(node)
            other.generators[place].ifs = [item for item in generator.ifs if item is not condition]
            yield other


def statement_slips(node: ast.stmt, before: set[str]) -> Iterator[list[ast.stmt]]:
    """Other statements for `node`; `before` are the names that have a value already when it runs."""
    if isinstance(node, ast.AugAssign):
        yield [ast.Pass()]
        yield [ast.Assign([node.target], node.value)]
        for other in _BINARY.get(type(node.op), []):
            yield [ast.AugAssign(node.target, other(), node.value)]
    elif _idle(node, before):
        yield [ast.Pass()]
    elif isinstance(node, ast.If):
        yield from _if(node)
    elif isinstance(node, ast.With):
        yield node.body
    elif isinstance(node, ast.Break | ast.Continue):
        yield [ast.Pass()]


def _if(node: ast.If) -> Iterator[list[ast.stmt]]:
    guard = len(node.body) == 1 and isinstance(node.body[0], ast.Raise)
    if not guard:
        yield [ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)]
    yield node.orelse or [ast.Pass()]


def _idle(node: ast.stmt, before: set[str]) -> bool:
    """Whether the code still runs without this call or assignment: what is assigned has an earlier value."""
    if isinstance(node, ast.Expr):
        return not isinstance(node.value, ast.Constant)
    if not isinstance(node, ast.Assign):
        return False
    parts = [item for target in node.targets for item in ast.walk(target)]
    stored = any(isinstance(item, ast.Attribute | ast.Subscript) for item in parts)
    return stored or all(item.id in before for item in parts if isinstance(item, ast.Name))
