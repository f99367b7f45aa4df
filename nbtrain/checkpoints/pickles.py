"""What a pickle would do, read off its operations: no line of it is executed.

A pickle is a program for a small stack machine. Running it imports names and calls them; here each name and
each call is noted instead. The stack holds stand-ins only, so nothing a pickle says can reach Python.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

MOST_SHOWN = 300  # characters of one argument
MOST_CALLS = 20  # shown of those that are not known

# Names that torch.load(weights_only=True) allows, or that carry numbers and nothing else.
KNOWN = frozenset({
    "collections.OrderedDict", "collections.defaultdict", "collections.Counter", "builtins.dict",
    "builtins.list", "builtins.set", "builtins.frozenset", "builtins.tuple", "builtins.complex",
    "builtins.bytearray", "builtins.slice", "builtins.range", "_codecs.encode",
    "numpy.dtype", "numpy.ndarray", "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct",
    "numpy._core.numeric._frombuffer", "numpy.core.numeric._frombuffer",
})  # fmt: skip
KNOWN_MODULES = (
    "torch._utils",
    "torch.storage",
    "torch._tensor",
    "torch.nn.parameter",
    "torch.serialization",
)
_TORCH = frozenset({"device", "Size", "Tensor", "dtype"})
# Modules by which a pickle acts on the machine; named as dangerous, not only as unknown.
DANGEROUS_MODULES = frozenset("""
    os posix nt subprocess sys shutil socket pty runpy importlib ctypes code codeop commands webbrowser
    asyncio multiprocessing threading signal pickle _pickle dill cloudpickle marshal types operator functools
    platform pip timeit bdb pdb urllib http ftplib smtplib requests tempfile pathlib io inspect site imp
    pkgutil zipimport builtins __builtin__ __main__ uuid gc atexit linecache doctest profile cProfile trace
    idlelib lib2to3 pydoc venv ensurepip distutils setuptools
""".split())  # noqa: SIM905 - a list of words to be read
# names of torch and numpy that compile, load or fetch code
DANGEROUS = (
    "torch.hub", "torch.utils.cpp_extension", "torch.jit", "torch.load", "torch.package", "torch.ops",
    "torch.utils.collect_env", "torch._dynamo", "torch.distributed.rpc", "numpy.testing", "numpy.load",
    "numpy.fromfile", "numpy.f2py", "numpy.distutils",
)  # fmt: skip


@dataclass(frozen=True)
class Scan:
    """What a pickle would import and call.

    Attributes:
        names: every global it asks for. calls: what it would call that is not known to be harmless, as text.
        whole: it was read to its end.
    """

    names: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    whole: bool = True

    @property
    def dangerous(self) -> tuple[str, ...]:
        """The names by which it would act on the machine."""
        return tuple(name for name in self.names if is_dangerous(name))

    @property
    def unknown(self) -> tuple[str, ...]:
        """The names that are neither known nor dangerous: classes of somebody's code."""
        return tuple(name for name in self.names if not is_known(name) and not is_dangerous(name))

    @property
    def safe(self) -> bool:
        """Whether it asks for nothing but tensors, numbers and containers, and was read to its end."""
        return self.whole and all(is_known(name) for name in self.names)


def is_known(name: str) -> bool:
    """Say whether a global only carries numbers."""
    if name in KNOWN:
        return True
    module, _, last = name.rpartition(".")
    if module == "torch":
        return last in _TORCH or last.endswith("Storage") or last in _dtypes()
    if module in ("numpy", "numpy.dtypes"):
        return module == "numpy.dtypes" or last.rstrip("_0123456789") in (
            "float",
            "int",
            "uint",
            "bool",
            "complex",
        )
    return module in KNOWN_MODULES and not name.startswith("torch.serialization.load")


def is_dangerous(name: str) -> bool:
    """Say whether a global acts on the machine when it is called."""
    if is_known(name):
        return False
    return name.partition(".")[0] in DANGEROUS_MODULES or name.startswith(DANGEROUS)


def _dtypes() -> frozenset[str]:
    kinds = ("float", "int", "uint", "complex", "qint", "quint", "bits")
    sizes = ("", "4", "8", "16", "32", "64", "128", "4x2", "2x4", "1x8")
    eights = ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu")
    return frozenset(
        {
            "bool",
            "half",
            "double",
            "long",
            "short",
            "bfloat16",
            *eights,
            *(k + s for k in kinds for s in sizes),
        }
    )


def scan(file: BinaryIO | bytes) -> Scan:
    """Read one pickle from where a file stands; the file then stands behind it."""
    machine = _Machine()
    whole = True
    try:
        for operation, argument, _ in pickletools.genops(file):
            machine.take(operation.name, argument)
    except Exception:  # cut off, or no pickle: what came before still counts
        whole = False
    return Scan(tuple(dict.fromkeys(machine.names)), tuple(machine.calls[:MOST_CALLS]), whole)


@dataclass(frozen=True)
class _Name:
    text: str

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True)
class _Made:
    """What a call would give."""

    text: str

    def __repr__(self) -> str:
        return self.text


_MARK = _Name("(")


@dataclass
class _Machine:
    """The pickle machine, with stand-ins for every value it would make."""

    names: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def take(self, name: str, argument: Any) -> None:
        """Do one operation."""
        if name in _CONSTANTS:
            self.stack.append(argument)
        elif name in _FIXED:
            self.stack.append(_FIXED[name]())
        elif name == "MARK":
            self.stack.append(_MARK)
        elif name in ("GLOBAL", "INST"):
            self._name(*str(argument).split(" ", 1))
            if name == "INST":
                function, *arguments = self.stack.pop(), *self._to_mark()
                self._call(function, tuple(arguments))
        elif name == "STACK_GLOBAL":
            last, module = self._pop(), self._pop()
            self._name(str(module), str(last))
        elif name in ("REDUCE", "NEWOBJ"):
            arguments, function = self._pop(), self._pop()
            self._call(function, arguments)
        elif name == "NEWOBJ_EX":
            keywords, arguments, function = self._pop(), self._pop(), self._pop()
            self._call(function, (*_as_tuple(arguments), keywords))
        elif name == "OBJ":
            function, *arguments = self._to_mark() or [_Made("?")]
            self._call(function, tuple(arguments))
        elif name == "BUILD":
            self._pop()
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[int(argument)] = self.stack[-1] if self.stack else None
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = self.stack[-1] if self.stack else None
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            self.stack.append(self.memo.get(int(argument), _Made("?")))
        elif name in ("PERSID", "BINPERSID"):
            if name == "BINPERSID":
                self._pop()
            self.stack.append(_Made("<storage>"))
        elif name.startswith("EXT"):
            self._name("copyreg", f"extension {argument}")
        else:
            self._containers(name)

    def _containers(self, name: str) -> None:
        if name == "TUPLE":
            self.stack.append(tuple(self._to_mark()))
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            parts = [self._pop() for _ in range(int(name[-1]))]
            self.stack.append(tuple(reversed(parts)))
        elif name in ("LIST", "FROZENSET", "DICT"):
            self.stack.append(_Made(f"<{name.lower()} of {len(self._to_mark())}>"))
        elif name in ("APPENDS", "SETITEMS", "ADDITEMS", "POP_MARK"):
            self._to_mark()
        elif name == "SETITEM":
            self._pop()
            self._pop()
        elif name in ("APPEND", "POP"):
            self._pop()
        elif name == "DUP" and self.stack:
            self.stack.append(self.stack[-1])

    def _name(self, module: str, last: str) -> None:
        text = f"{module}.{last}".replace("__builtin__.", "builtins.")
        self.names.append(text)
        self.stack.append(_Name(text))

    def _call(self, function: Any, arguments: Any) -> None:
        said = f"{_short(function)}({', '.join(map(_short, _as_tuple(arguments)))})"
        if not (isinstance(function, _Name) and is_known(function.text)) and said not in self.calls:
            self.calls.append(said)
        self.stack.append(_Made(said))

    def _pop(self) -> Any:
        return self.stack.pop() if self.stack else _Made("?")

    def _to_mark(self) -> list[Any]:
        parts: list[Any] = []
        while self.stack and (top := self.stack.pop()) is not _MARK:
            parts.append(top)
        return parts[::-1]


_CONSTANTS = frozenset({
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "STRING", "BINSTRING", "SHORT_BINSTRING",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE",
    "BINUNICODE8", "FLOAT", "BINFLOAT",
})  # fmt: skip
_FIXED: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False, "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": lambda: _Made("[...]"), "EMPTY_DICT": lambda: _Made("{...}"),
    "EMPTY_SET": lambda: _Made("{...}"), "NEXT_BUFFER": lambda: _Made("<buffer>"),
}  # fmt: skip


def _as_tuple(arguments: Any) -> tuple[Any, ...]:
    return arguments if isinstance(arguments, tuple) else (arguments,)


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:  # a tuple in a tuple in a tuple, without end
        text = "..."
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"


def scan_all(file: BinaryIO) -> Iterator[Scan]:
    """Read the pickles that follow each other in a file, as torch wrote them before version 1.6."""
    while file.peek(1) if hasattr(file, "peek") else True:  # type: ignore[attr-defined]
        found = scan(file)
        if not found.whole and not found.names:
            return
        yield found
        if not found.whole:
            return
