"""The front door: nbtrain.__all__ is the truth, and its names are the functions people call."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import nbtrain


def test_everything_public_is_there() -> None:
    """Each name of __all__ is a function with a docstring, and dir() shows it."""
    for name in nbtrain.__all__:
        assert callable(getattr(nbtrain, name)), name
        assert getattr(nbtrain, name).__doc__, name
        assert name in dir(nbtrain)


def test_dir_lists_the_public_names_only() -> None:
    """Completion after `nbtrain.` offers what people call, not what the module imports."""
    assert [name for name in dir(nbtrain) if not name.startswith("__")] == nbtrain.__all__


def test_star_import_gives_exactly_the_public_names() -> None:
    """`from nbtrain import *` brings __all__ and nothing else."""
    variables: dict[str, object] = {}
    exec("from nbtrain import *", variables)

    assert set(variables) - {"__builtins__"} == set(nbtrain.__all__)


@pytest.mark.parametrize("name", ["train", "review", "runs"])
def test_submodules_do_not_take_the_functions_places(name: str) -> None:
    """After importing the package nbtrain.train (review, runs) the name is still the function."""
    from importlib import import_module

    modules = {"train": "nbtrain.train.plan", "review": "nbtrain.review.engine", "runs": "nbtrain.runs.store"}
    module = import_module(modules[name])

    assert isinstance(module, ModuleType)
    assert not isinstance(getattr(nbtrain, name), ModuleType)


def test_submodules_imported_first_do_not_either() -> None:
    """In a fresh process, where the submodule is imported before the function was ever used."""
    code = (
        "import nbtrain.runs.listing, nbtrain.review.engine, nbtrain.train.options\n"
        "from nbtrain import runs, review, train\n"
        "import nbtrain, types\n"
        "assert not any(isinstance(f, types.ModuleType) for f in (runs, review, train))\n"
        "assert nbtrain.runs is runs and callable(nbtrain.train)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(nbtrain.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", code], check=True, env=env)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """hasattr works as with any module."""
    assert not hasattr(nbtrain, "trian")
    with pytest.raises(ImportError):
        exec("from nbtrain import trian")
