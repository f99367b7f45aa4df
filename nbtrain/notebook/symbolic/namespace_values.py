"""What a notebook object stands for in a symbolic reading.

Reads plain data only: no property, no user code runs.
"""

from __future__ import annotations

import types
from typing import Any

from nbtrain.notebook.symbolic.values import Const, Live, Map, Ref, Seq, Value

PLAIN = (int, float, str, bool, type(None))
MAX_ITEMS = 200
LIVE = "live value"


def value_of(obj: Any, name: str) -> Value:
    """Return the value of a notebook object: numbers, texts, dicts and lists of such, modules and classes."""
    kind = type(obj)
    if kind in PLAIN:
        return Const(obj, None, LIVE)
    if kind is dict and len(obj) <= MAX_ITEMS:
        return Map({key: value_of(one, f"{name}[{key!r}]") for key, one in obj.items() if type(key) in PLAIN})
    if kind in (list, tuple) and len(obj) <= MAX_ITEMS:
        return Seq([value_of(one, f"{name}[{index}]") for index, one in enumerate(obj)])
    if kind is types.ModuleType:
        return Ref(obj.__name__)
    if type in kind.__mro__:  # not isinstance: that asks the object for its __class__
        path = f"{obj.__module__}.{obj.__qualname__}"
        return Live(obj, name) if obj.__module__ == "__main__" else Ref(path)
    if kind in (types.FunctionType, types.BuiltinFunctionType):
        module = getattr(obj, "__module__", None) or ""
        return Live(obj, name) if module in ("", "__main__") else Ref(f"{module}.{obj.__name__}")
    return Live(obj, name)


def live_attribute(owner: Value, attr: str) -> Value | None:
    """Return an attribute of a notebook object when it is plain data of a plain container, else None."""
    if not isinstance(owner, Live):
        return None
    obj = owner.obj
    kind = type(obj)
    if kind is types.SimpleNamespace or kind.__name__ == "Namespace" or "__dataclass_fields__" in vars(kind):
        held = vars(obj)
        if attr in held:
            return value_of(held[attr], f"{owner.name}.{attr}")
    return None
