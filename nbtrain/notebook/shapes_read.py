"""The number of dimensions of a value, where a source or a live data set tells it."""

from __future__ import annotations

import ast

from nbtrain.notebook.losses_read import laid_flat, last_done, last_layer, outputs_of
from nbtrain.notebook.source_values import argument, quantity
from nbtrain.notebook.symbolic.library import root_of, tail_of
from nbtrain.notebook.symbolic.provenance import behind
from nbtrain.notebook.symbolic.values import (
    Choice,
    Const,
    Live,
    Made,
    Member,
    Obj,
    Op,
    Seq,
    Term,
    Value,
    options,
)

BY_SIZES = ("randn", "rand", "zeros", "ones", "empty")
BY_RANGE = ("arange", "linspace", "randperm")
KEEPING = (
    ".float", ".long", ".to", ".cuda", ".cpu", ".double", ".clone", ".detach", ".contiguous", ".type",
    "torch.sin", "torch.cos",
    "numpy.log1p", "numpy.log", "numpy.sqrt", "numpy.exp", ".clip", ".clamp", "torch.exp",
    "torch.relu", ".abs", ".pow", ".sqrt", ".log", ".exp",
)  # fmt: skip
CONVERTING = (
    "torch.tensor", "torch.as_tensor", "torch.from_numpy", "torch.FloatTensor", "torch.Tensor", "numpy.array",
    "numpy.asarray", ".astype", ".copy", ".numpy", ".half", ".bfloat16", ".int",
)  # fmt: skip
SIGNS = ("+", "-", "*", "/", "**", "compare")


def dimensions(value: Value | None, depth: int = 0) -> int | None:
    """Return how many dimensions a tensor has, or None where that cannot be told."""
    if depth > 30 or value is None:
        return None
    if isinstance(value, Const):
        return 0 if isinstance(value.value, int | float) else None
    if isinstance(value, Live):
        held = getattr(value.obj, "ndim", None) if type(value.obj).__module__ in ("torch", "numpy") else None
        return held if isinstance(held, int) else None
    if isinstance(value, Choice):  # `None if y is None else torch.tensor(y)`
        found = {dimensions(one, depth + 1) for one in value.options if not _is_none(one)}
        return found.pop() if len(found) == 1 else None
    if isinstance(value, Member) and value.attr == "values":
        column = isinstance(value.owner, Member) and "xarray" not in _libraries(value.owner)
        return 1 if column else _of_table(value.owner)
    op = value.op if isinstance(value, Term) else None
    return _of_op(op, depth) if op is not None else None


def _is_none(value: Value) -> bool:
    return isinstance(value, Const) and value.value is None


def _of_table(value: Value) -> int | None:
    """The dimensions of `table[...]`, by pandas' rules: one for a column's name, two for a list of them."""
    op = value.op if isinstance(value, Term) else None
    if op is None or op.path not in ("[]", ".pop") or "xarray" in _libraries(op.inputs[0]):
        return None
    key = op.inputs[1] if len(op.inputs) > 1 else None
    if isinstance(key, Seq) and isinstance(op.inputs[0], Member):  # `table.loc[rows, columns]`
        key = key.items[-1] if key.items else None
    if isinstance(key, Const) and isinstance(key.value, str):
        return 1
    return 2 if isinstance(key, Seq) else None


def _libraries(value: Value) -> set[str]:
    """The libraries whose functions gave a value, or what it was made from."""
    made = [one.op.path if isinstance(one, Term) and one.op is not None else "" for one, _ in behind(value)]
    return {root_of(path) for path in made}


def _of_op(op: Op, depth: int) -> int | None:
    root, _, tail = op.path.rpartition(".")
    if root in ("torch", "numpy.random", "numpy") and tail in BY_SIZES:
        return _sizes(op.inputs)
    if root in ("torch", "numpy") and tail in BY_RANGE:
        return 1
    if op.path == "torch.randint":
        return _sizes(op.inputs[-1:]) if op.inputs else None
    if op.path in KEEPING and op.inputs:
        return dimensions(op.inputs[0], depth + 1)
    if op.path in SIGNS:
        found = [dimensions(one, depth + 1) for one in op.inputs]
        return max(one for one in found if one is not None) if None not in found and found else None
    if op.path in (".unsqueeze", "torch.unsqueeze"):
        inner = dimensions(op.inputs[0], depth + 1)
        return None if inner is None else inner + 1
    if op.path in (".view", ".reshape", "torch.reshape", ".flatten", "torch.flatten", ".ravel"):
        return _reshaped(op)
    if op.path == ".to_numpy" and op.inputs:
        found = _of_table(op.inputs[0])
        return dimensions(op.inputs[0], depth + 1) if found is None else found
    if op.path == ".pop":
        return _of_table(Term(op=op)) if "pandas" in _libraries(op.inputs[0]) else None
    if op.path in ("torch.tensor", "numpy.array", "torch.stack", "numpy.stack") and _rows_of(op) is not None:
        inner = dimensions(_rows_of(op), depth + 1)
        return None if inner is None else inner + 1
    if op.path in CONVERTING and op.inputs:
        return dimensions(op.inputs[0], depth + 1)
    if op.path in (".fit_transform", ".transform") and len(op.inputs) > 1:
        return dimensions(op.inputs[1], depth + 1)
    if op.path == "[]" and len(op.inputs) > 1:
        return _of_item(op, depth)
    if op.path in (".sum", ".mean", ".std", ".var", ".min", ".max", "numpy.mean", "numpy.std"):
        return _reduced(op, depth)
    if op.path == "call" and op.inputs and _ends_with(op.inputs[0], "Embedding") and len(op.inputs) > 1:
        inner = dimensions(op.inputs[1], depth + 1)
        return None if inner is None else inner + 1
    if op.path in (".squeeze", "torch.squeeze"):
        inner = dimensions(op.inputs[0], depth + 1)
        return inner - 1 if inner is not None and is_column(op.inputs[0]) else None
    if op.path == "batch" and len(op.inputs) > 1 and isinstance(op.inputs[1], Const):
        return _of_batch(op.inputs[0], op.inputs[1].value, depth)
    return None


def is_column(value: Value | None, depth: int = 0) -> bool:
    """Whether a tensor surely has the shape (N, 1)."""
    op = value.op if isinstance(value, Term) else None
    if op is None or depth > 20 or not op.inputs:
        return False
    if op.path in (".unsqueeze", "torch.unsqueeze"):
        last = len(op.inputs) > 1 and isinstance(op.inputs[1], Const) and op.inputs[1].value in (1, -1)
        return last and dimensions(op.inputs[0]) == 1
    if op.path in (".view", ".reshape", "torch.reshape"):
        return [getattr(one, "value", None) for one in op.inputs[1:]] == [-1, 1]
    if op.path == "call" and op.inside is not None:
        return is_column(op.inside, depth + 1)
    if op.path == "call":
        layer = last_layer(op.inputs[0])
        if laid_flat(op.inputs[0]):
            return False
        if isinstance(layer, Made) and tail_of(layer.path).startswith(
            ("Sigmoid", "ReLU", "Tanh", "Softplus")
        ):
            return False
        if _ends_with(layer, "Embedding"):
            width = quantity(argument(layer, "embedding_dim", 1)) if isinstance(layer, Made) else None
            return (
                width is not None
                and width.values == (1.0,)
                and len(op.inputs) > 1
                and dimensions(op.inputs[1]) == 1
            )
        return last_done(value)[0] == "linear" and outputs_of(op) == 1 and not is_given_one_sample(op)
    if op.path in KEEPING or op.path in ("torch.sigmoid", ".sigmoid", ".relu", "torch.tanh", ".tanh"):
        return is_column(op.inputs[0], depth + 1)
    if op.path in SIGNS and op.path != "compare":
        return any(is_column(one, depth + 1) for one in op.inputs) and all(
            is_column(one, depth + 1) or isinstance(one, Const) for one in op.inputs
        )
    return False


def is_given_one_sample(call: Op) -> bool:
    """Whether a linear layer, or a Sequential that begins with one, is called with a vector.

    What comes out has one dimension, too. (An embedding takes a vector of indices for a batch.)
    """
    first = call.inputs[0]
    while isinstance(first, Made) and tail_of(first.path) == "Sequential" and first.args:
        first = first.args[0]
    return _ends_with(first, "Linear") and len(call.inputs) > 1 and dimensions(call.inputs[1]) == 1


def _ends_with(layer: Value, name: str) -> bool:
    return isinstance(layer, Made) and tail_of(layer.path) == name


def _reshaped(op: Op) -> int | None:
    given = op.inputs[1:]
    if "flatten" in op.path or "ravel" in op.path:
        return 1 if not given else None
    if len(given) == 1 and isinstance(given[0], Seq):
        return None if given[0].open else len(given[0].items)
    return len(given) or None


def _of_item(op: Op, depth: int) -> int | None:
    """`x[rows]` keeps the dimensions; `split(...)[0]` and `load(return_X_y=True)[1]` have their part's."""
    whole, key = op.inputs[:2]
    source = whole.op if isinstance(whole, Term) else None
    if source is not None and isinstance(key, Const) and isinstance(key.value, int):
        if source.path.startswith("sklearn.datasets.") and "return_X_y" in source.kwargs:
            return 2 - key.value if key.value in (0, 1) else None
        if source.path.startswith("sklearn.datasets.make_"):
            return 1 if key.value == 1 else 2
        if source.path.endswith("train_test_split") and key.value // 2 < len(source.inputs):
            return dimensions(source.inputs[key.value // 2], depth + 1)
        if source.path == "batch" and _is_whole_batch(source):
            return _of_batch(source.inputs[0], key.value, depth, unpacked=True)
        return None
    cut = getattr(op.node, "slice", None)
    inner = dimensions(whole, depth + 1)
    if cut is None or inner is None:
        return None
    if isinstance(cut, ast.Tuple):
        parts = key.items if isinstance(key, Seq) and not key.open else []
        kept = [_kept(one, part) for one, part in zip(cut.elts, parts, strict=False)]
        known = len(kept) == len(cut.elts) and None not in kept
        return inner + sum(one for one in kept if one is not None) if known else None
    change = _kept(cut, key)
    return (
        inner if isinstance(cut, ast.Name) and change is None else None if change is None else inner + change
    )


def _kept(cut: ast.expr, key: Value) -> int | None:
    """By how much one part of an index changes the number of dimensions; None where that cannot be told."""
    if isinstance(cut, ast.Slice):
        return 0
    if _is_none(key):
        return 1
    return -1 if _is_whole(key) else None


def _is_whole(value: Value) -> bool:
    """Whether a value is surely one whole number: a constant, or worked out from the count of a range."""
    if isinstance(value, Const):
        return isinstance(value.value, int) and not isinstance(value.value, bool)
    op = value.op if isinstance(value, Term) else None
    if op is None:
        return False
    if op.path == "batch":
        return all(isinstance(one, Made) and one.path == "builtins.range" for one in options(op.inputs[0]))
    return op.path in ("+", "-", "*", "//", "%") and all(_is_whole(one) for one in op.inputs)


def _rows_of(op: Op) -> Value | None:
    """The element of a list that is made into a tensor, where all of its elements are alike."""
    given = op.inputs[0] if op.inputs else None
    return given.items[0] if isinstance(given, Seq) and len(given.items) == 1 and given.open else None


def _reduced(op: Op, depth: int) -> int | None:
    """One dimension less along a given axis."""
    along = [*op.inputs[1:2], *(op.kwargs[name] for name in ("dim", "axis") if name in op.kwargs)]
    if not along and not op.kwargs:
        return 0
    inner = dimensions(op.inputs[0], depth + 1) if op.inputs else None
    keeps = len(op.inputs) > 2 or bool({"keepdim", "keepdims"} & op.kwargs.keys())  # or `x.sum(1, True)`
    plain = len(along) == 1 and isinstance(along[0], Const) and not keeps
    return inner - 1 if inner is not None and plain else None


def _of_dataset(data: Obj, position: int, depth: int) -> int | None:
    """What `return self.x[i], self.y[i]` of a data set's class gives, stacked: the dimensions of `self.y`."""
    method = (
        next((one.attrs["__getitem__"] for one in data.cls.lineage() if "__getitem__" in one.attrs), None)
        if data.cls
        else None
    )
    body = getattr(getattr(method, "node", None), "body", [])
    returned = [one.value for one in body if isinstance(one, ast.Return)]
    parts = returned[0].elts if len(returned) == 1 and isinstance(returned[0], ast.Tuple) else []
    part = parts[position] if 0 <= position < len(parts) else None
    if not (
        isinstance(part, ast.Subscript)
        and isinstance(part.value, ast.Attribute)
        and isinstance(part.slice, ast.Name)
    ):
        return None
    return dimensions(data.attrs.get(part.value.attr), depth + 1)


def _sizes(inputs: tuple[Value, ...]) -> int | None:
    if len(inputs) == 1 and isinstance(inputs[0], Seq):
        return None if inputs[0].open else len(inputs[0].items)
    return len(inputs) or None


def _is_whole_batch(op: Op) -> bool:
    """The loop gives the batch one name: `for batch in loader`, `for i, batch in enumerate(loader)`."""
    target = op.node
    if isinstance(target, ast.Tuple) and len(target.elts) == 2:
        counted = any(isinstance(one, Made) and tail(one) == "enumerate" for one in options(op.inputs[0]))
        target = target.elts[1] if counted else target
    return isinstance(target, ast.Name)


def _of_batch(loader: Value, position: int, depth: int, *, unpacked: bool = False) -> int | None:
    """A batch of a TensorDataset has the dimensions of its tensor. `unpacked`: after the loop."""
    found: set[int | None] = set()
    for one in options(loader):
        if isinstance(one, Made) and one.path == "builtins.iteration" and len(one.args) == 1:
            counts = tail(one) == "enumerate" and not unpacked
            return _of_batch(one.args[0], position - counts, depth, unpacked=unpacked)
        data = whole_of(argument(one, "dataset", 0)) if isinstance(one, Made) else None
        if isinstance(one, Live):
            held = vars(one.obj).get("dataset") if hasattr(one.obj, "__dict__") else None
            tensors = vars(held).get("tensors") if type(held).__name__ == "TensorDataset" else None
            found.add(tensors[position].dim() if tensors and position < len(tensors) else None)
        elif (
            isinstance(data, Made) and data.path.endswith("TensorDataset") and 0 <= position < len(data.args)
        ):
            found.add(dimensions(data.args[position], depth + 1))
        elif isinstance(data, Obj):
            found.add(_of_dataset(data, position, depth))
        else:
            found.add(None)
    return found.pop() if len(found) == 1 else None


def whole_of(data: Value | None) -> Value | None:
    """The data set of which a data set is a part: under `Subset` and `random_split`."""
    for _ in range(6):
        op = data.op if isinstance(data, Term) else None
        if isinstance(data, Made) and data.path.endswith("data.Subset"):
            data = argument(data, "dataset", 0)
        elif op is not None and op.path == "[]" and isinstance(op.inputs[0], Term) and op.inputs[0].op:
            split = op.inputs[0].op
            if not split.path.endswith("random_split"):
                return data
            data = split.inputs[0]
        else:
            return data
    return data


def tail(made: Made) -> str:
    """The name of the wrapper that a loop goes through, as the source calls it."""
    func = getattr(made.node, "func", None)
    return getattr(func, "id", getattr(func, "attr", ""))
