"""%load_ext and %unload_ext: what a shell gains, and that it is left as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import nbtrain

MEASURED = """
import sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
begun = time.perf_counter()
shell.run_line_magic("load_ext", "nbtrain")
print("%load_ext nbtrain took", round(time.perf_counter() - begun, 3), "s")
assert not {"torch", "numpy", "pandas"} & set(sys.modules), sorted(sys.modules)
assert shell.find_line_magic("train") is not None
"""


def everything(shell: Any) -> dict[str, Any]:
    """Everything of a shell that an extension may touch."""
    formatters = shell.display_formatter.formatters.values()
    known = shell.strdispatchers.get("complete_command")
    return {
        "magics": {kind: set(found) for kind, found in shell.magics_manager.magics.items()},
        "registry": {name for name in shell.magics_manager.registry if "NBTrain" in name},
        "configurables": [one for one in shell.configurables if "nbtrain" in type(one).__module__],
        "types": [set(one.type_printers) for one in formatters],
        "deferred": [set(one.deferred_printers) for one in formatters],
        "own display": dict(shell.display_formatter.ipython_display_formatter.deferred_printers),
        "own types": dict(shell.display_formatter.ipython_display_formatter.type_printers),
        "completers": set(known.regexs) | set(known.strs) if known else set(),
        "events": {name: list(found) for name, found in shell.events.callbacks.items()},
        "names": set(shell.user_ns),
    }


def test_loading_needs_no_torch() -> None:
    """A fresh process loads the extension without torch, numpy or pandas; the time is printed."""
    env = {**os.environ, "PYTHONPATH": str(Path(nbtrain.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", MEASURED], env=env, capture_output=True, text=True)
    print(done.stdout)

    assert done.returncode == 0, done.stderr


def test_loading_brings_magics_and_settings(shell: Any) -> None:
    """%train, %train_review, %%train_review and %config NBTrain are there."""
    shell.run_line_magic("load_ext", "nbtrain")
    shell.run_cell('%config NBTrain.log = "json"').raise_error()

    assert shell.find_line_magic("train") and shell.find_line_magic("train_review")
    assert shell.find_cell_magic("train_review")
    assert [one.log for one in shell.configurables if type(one).__name__ == "NBTrain"] == ["json"]


def test_unloading_leaves_the_shell_as_it_was(shell: Any) -> None:
    """Magics, settings, formatters, completers and hooks are those from before."""
    before = everything(shell)
    shell.run_line_magic("load_ext", "nbtrain")
    during = everything(shell)
    shell.run_line_magic("unload_ext", "nbtrain")

    assert during != before
    assert everything(shell) == before


def test_unloading_after_use_leaves_the_shell_as_it_was(notebook: Any) -> None:
    """Also when values were shown, whose formatters IPython has resolved by then."""
    shell = notebook.shell
    shell.run_line_magic("unload_ext", "nbtrain")
    before = everything(shell)
    shell.run_line_magic("load_ext", "nbtrain")
    notebook("%train --log json --no-val --yes --epochs 1 --wait").result.raise_error()
    notebook("import nbtrain\nnbtrain.inspect(model)").result.raise_error()
    shell.run_line_magic("unload_ext", "nbtrain")
    after = everything(shell)

    assert {**after, "names": None} == {**before, "names": None}


def test_loading_twice_changes_nothing(shell: Any) -> None:
    """A second load keeps the settings and adds nothing."""
    shell.run_line_magic("load_ext", "nbtrain")
    shell.run_cell('%config NBTrain.log = "json"').raise_error()
    before = everything(shell)
    nbtrain.load_ipython_extension(shell)

    assert everything(shell) == before


def test_a_magic_that_bore_the_name_comes_back(shell: Any) -> None:
    """A person's own %train is theirs again after unloading."""

    def train(line: str) -> str:
        return "mine"

    shell.register_magic_function(train, "line", "train")
    shell.run_line_magic("load_ext", "nbtrain")
    shell.run_line_magic("unload_ext", "nbtrain")

    assert shell.run_line_magic("train", "") == "mine"


def test_unloading_without_loading_does_no_harm(shell: Any) -> None:
    """The hook may be called on a shell that never loaded the extension."""
    before = everything(shell)
    nbtrain.unload_ipython_extension(shell)

    assert everything(shell) == before


def test_the_settings_file_counts(shell: Any) -> None:
    """`c.NBTrain.log` in a configuration file is the setting."""
    shell.config.NBTrain.log = "csv"
    shell.run_line_magic("load_ext", "nbtrain")

    assert [one.log for one in shell.configurables if type(one).__name__ == "NBTrain"] == ["csv"]
    del shell.config.NBTrain


def test_a_wrong_setting_is_one_error_in_its_cell(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """`%config NBTrain.log` names the allowed backends and keeps the old value; later settings work."""
    shell.run_line_magic("load_ext", "nbtrain")
    shell.run_cell('%config NBTrain.log = "json"').raise_error()
    for line, said in (
        ('log = "xml"', "Allowed are json, csv, tensorboard, wandb, mlflow"),
        ("log = 3", "expected a unicode string, not the int 3"),
        ('lok = "json"', "NBTrain.lok is no setting of nbtrain."),
    ):
        assert shell.run_cell(f"%config NBTrain.{line}").error_in_exec is not None
        shown = capsys.readouterr()
        text = (shown.out + shown.err).strip()
        assert text.startswith("UsageError: ") and said in text and "\n" not in text

    shell.run_cell('%config NBTrain.dir = "kept"').raise_error()
    shell.run_cell("%config NBTrain.log").raise_error()
    assert "json" in capsys.readouterr().out
