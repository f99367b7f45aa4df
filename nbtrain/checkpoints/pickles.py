"""What a pickle would do, read off its operations: no line of it is executed.

A pickle is a program for a small stack machine. Running it imports names and calls them; here each name and
each call is noted instead. The stack holds stand-ins only, so nothing a pickle says can reach Python.
"""

from __future__ import annotations

import _compat_pickle
import contextlib
import io
import pickletools
import reprlib
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

MOST_SHOWN = 300  # characters of one argument
MOST_CALLS = 20  # shown of those that are not known
MOST_BLANK = 1 << 20  # bytes that a pickle may ask for without bringing them
_REPR = reprlib.Repr()  # bounded: a tuple of one tuple twice, sixty times over, has no end as text
_REPR.maxstring = _REPR.maxother = MOST_SHOWN
_REPR.maxlevel = 3

NESTED = "torch.storage._load_from_bytes"  # loads a torch file that stands in the pickle as bytes
# Names that torch.load(weights_only=True) allows, or that carry numbers and nothing else. Whole modules are
# not allowed: torch._utils has _import_dotted_name, which gives any function there is.
KNOWN = frozenset({
    "collections.OrderedDict", "collections.defaultdict", "collections.Counter", "builtins.dict",
    "builtins.list", "builtins.set", "builtins.frozenset", "builtins.tuple", "builtins.complex",
    "builtins.bytearray", "_codecs.encode",
    "numpy.dtype", "numpy.ndarray", "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct",
    "numpy._core.numeric._frombuffer", "numpy.core.numeric._frombuffer",
    "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3",
    "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
    "torch._utils._rebuild_qtensor", "torch._utils._rebuild_sparse_tensor",
    "torch._utils._rebuild_meta_tensor_no_storage", "torch._utils._rebuild_nested_tensor",
    "torch._utils._rebuild_device_tensor_from_numpy", "torch._utils._rebuild_device_tensor_from_cpu_tensor",
    "torch._utils._rebuild_wrapper_subclass", "torch._tensor._rebuild_from_type_v2",
    "torch.nn.parameter.Parameter", "torch.serialization._get_layout", "torch.storage.TypedStorage",
    "torch.storage.UntypedStorage", "torch.storage._LegacyStorage", NESTED,
})  # fmt: skip
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
    "torch._utils._import", "torch.serialization", "torch.utils.collect_env", "torch._dynamo",
    "torch.distributed.rpc", "numpy.testing", "numpy.load", "numpy.fromfile", "numpy.f2py", "numpy.distutils",
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


def full_name(module: str, name: str) -> str:
    """Return what a pickle's global is in Python 3: old pickles say `__builtin__` and `commands`."""
    return f"{_compat_pickle.IMPORT_MAPPING.get(module, module)}.{name}"


def is_known(name: str) -> bool:
    """Say whether a global only carries numbers."""
    if name in KNOWN:
        return True
    module, _, last = name.rpartition(".")
    if module == "torch":
        return last in _TORCH or last.endswith("Storage") or last in _dtypes()
    if module in ("numpy", "numpy.dtypes"):
        kinds = ("float", "int", "uint", "bool", "complex")
        return last.endswith("DType") if module == "numpy.dtypes" else last.rstrip("_0123456789") in kinds
    return False


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
        for done, (operation, argument, _) in enumerate(pickletools.genops(file)):
            if operation.name in _PUTS and int(argument) > done:  # makes the real machine take gigabytes
                raise ValueError(f"place {argument} of its memory after {done} operations")
            machine.take(operation.name, argument)
    except Exception:  # cut off, or no pickle: what came before still counts
        whole = False
    whole = whole and machine.whole
    return Scan(tuple(dict.fromkeys(machine.names)), tuple(machine.calls), whole)


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
    calls: dict[str, None] = field(default_factory=dict)  # the first, each once
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)
    whole: bool = True  # of the files within it

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
            if self.stack and isinstance(self.stack[-1], _Name):  # of a class or function, not of an object
                self._act("builtins.setattr", self.stack[-1])
        elif name in _PUTS:
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
        elif name == "LIST":
            self.stack.append(self._to_mark())
        elif name in ("FROZENSET", "DICT"):
            self.stack.append(_Made(f"<{name.lower()} of {len(self._to_mark())}>"))
        elif name in ("APPENDS", "APPEND"):
            added = self._to_mark() if name == "APPENDS" else [self._pop()]
            if self.stack and isinstance(self.stack[-1], list):
                self.stack[-1].extend(added[: MOST_CALLS - len(self.stack[-1])])  # enough to be shown
        elif name in ("SETITEMS", "ADDITEMS", "POP_MARK"):
            self._to_mark()
        elif name == "SETITEM":
            self._pop()
            self._pop()
        elif name == "POP":
            self._pop()
        elif name == "DUP" and self.stack:
            self.stack.append(self.stack[-1])

    def _name(self, module: str, last: str) -> None:
        text = full_name(module, last)
        self.names.append(text)
        self.stack.append(_Name(text))

    def _act(self, name: str, *arguments: Any) -> None:
        self.names.append(name)
        self._note(f"{name}({', '.join(map(_short, arguments))})")

    def _note(self, said: str) -> None:
        if len(self.calls) < MOST_CALLS:
            self.calls[said] = None

    def _call(self, function: Any, arguments: Any) -> None:
        given = _as_tuple(arguments)
        called, first = getattr(function, "text", ""), given[0] if given else None
        if called == NESTED:
            self._nested(first)
        elif called == "builtins.bytearray" and isinstance(first, int) and first > MOST_BLANK:
            self._act("builtins.bytearray of a size", first)
        elif called == "_codecs.encode" and given[1:] == ("latin1",) and isinstance(first, str):
            with contextlib.suppress(UnicodeEncodeError):  # how bytes are written where there were none
                self.stack.append(first.encode("latin1"))
                return
        said = f"{_short(function)}({', '.join(map(_short, _as_tuple(arguments)))})"
        if not (isinstance(function, _Name) and is_known(function.text)):
            self._note(said)
        self.stack.append(_Made(said))

    def _nested(self, content: Any) -> None:
        """Take in what a torch file within the pickle would do."""
        if not isinstance(content, bytes):
            self._act(f"{NESTED} of what it makes itself")
            return
        found = scan_bytes(content)
        self.names += found.names
        for said in found.calls:
            self._note(said)
        self.whole = self.whole and found.whole

    def _pop(self) -> Any:
        return self.stack.pop() if self.stack else _Made("?")

    def _to_mark(self) -> list[Any]:
        parts: list[Any] = []
        while self.stack and (top := self.stack.pop()) is not _MARK:
            parts.append(top)
        return parts[::-1]


_PUTS = ("PUT", "BINPUT", "LONG_BINPUT")
_CONSTANTS = frozenset({
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "STRING", "BINSTRING", "SHORT_BINSTRING",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE",
    "BINUNICODE8", "FLOAT", "BINFLOAT",
})  # fmt: skip
_FIXED: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False, "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list, "EMPTY_DICT": lambda: _Made("{...}"),
    "EMPTY_SET": lambda: _Made("{...}"), "NEXT_BUFFER": lambda: _Made("<buffer>"),
}  # fmt: skip


def _as_tuple(arguments: Any) -> tuple[Any, ...]:
    return arguments if isinstance(arguments, tuple) else (arguments,)


def _short(value: Any) -> str:
    try:
        text = _REPR.repr(value)
    except Exception:  # a number of a million digits
        text = "..."
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"


def scan_bytes(content: bytes) -> Scan:
    """Read what a torch file that stands in a pickle would do, in either of torch's forms."""
    if content[:2] == b"PK":
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                found = [scan(archive.read(name)) for name in archive.namelist() if name.endswith(".pkl")]
        except Exception:  # damaged, encrypted or of a kind that is not known
            return Scan(whole=False)
    else:
        found = list(scan_all(io.BytesIO(content)))
    return merged(found)


def merged(found: Iterable[Scan]) -> Scan:
    """Return several scans as one."""
    found = list(found)
    return Scan(
        tuple(dict.fromkeys(name for one in found for name in one.names)),
        tuple(call for one in found for call in one.calls)[:MOST_CALLS],
        all(one.whole for one in found),
    )


def scan_all(file: BinaryIO) -> Iterator[Scan]:
    """Read the pickles at the beginning of a file as torch wrote it before 1.6: magic number, version,
    machine, the object, and the keys of the storages, whose bytes follow.
    """
    for _ in range(5):
        found = scan(file)
        yield found
        if not found.whole:
            return
