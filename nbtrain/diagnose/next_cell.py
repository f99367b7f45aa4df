"""The change that a diagnosis recommends, as code: a cell, or the commands of a configured run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from nbtrain.diagnose.history import Hints, History

# settings that are options of %train; others are made where the objects are made
_OPTIONS = ("epochs", "clip", "patience", "accumulate", "precision")
_OF_OPTIMIZER = ("lr", "weight_decay")  # set in place, for each group of parameters


def next_cell(history: History, changes: Mapping[str, Any], *, written: str = "") -> str:
    """Return the code that makes the change, to be looked at and run; "" without a change.

    Values of an optimizer are set in its groups; options of `%train` stand on its line; what is decided where
    model and data are made is named in comments.

    Args:
        history: of the run; its hints tell its configuration file, and whose loop it was.
        changes: setting -> value.
        written: path of the optimization config, where one was written.
    """
    if not changes:
        return ""
    hints = history.hints
    if hints.configuration:
        return _configured(history, written)
    lines = ["# Make the model and the optimizer anew above: this one has trained."]
    if len(changes) > 1:
        lines.append("# One change at a time: take one of these, leave out the others.")
    lines += [f"# {name}: {value}" for name, value in changes.items() if _is_made_elsewhere(name, hints)]
    groups = [f'    group["{name}"] = {changes[name]!r}' for name in _OF_OPTIMIZER if name in changes]
    if groups:
        lines += [f"for group in {hints.optimizer_name or 'optimizer'}.param_groups:", *groups]
    if "lr" in changes:
        lines.append("# Then the scheduler, where there is one: it starts from this rate.")
    if not hints.followed:
        known = {"epochs": hints.settings.get("epochs"), **changes}  # as long as before, for the comparison
        options = [f"--{name} {known[name]}" for name in _OPTIONS if known.get(name) is not None]
        lines.append(" ".join(["%train", *options]))
    return "\n".join(lines)


def _is_made_elsewhere(name: str, hints: Hints) -> bool:
    return name not in _OF_OPTIMIZER and (hints.followed or name not in _OPTIONS)


def _configured(history: History, written: str) -> str:
    """Return the line that trains the configuration with the change, after the one that writes the change."""
    file = written or "optimization.yaml"
    train = f"%train --config {_word(history.hints.configuration)} --mode optimization --from {_word(file)}"
    return train if written else f"%train diagnose {_word(history.name)} --apply\n{train}"


def _word(text: str) -> str:
    """Quote a word of a magic's line where it needs that."""
    return shlex.quote(text)
