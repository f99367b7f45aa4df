"""`nbtrain VERB [options]`: parse, call one command, print what it returned.

Exit status: 0 done, 1 done and critical (findings, a failed run, an error of ours), 2 usage error, 130
interrupted by Ctrl-C.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import nbtrain
from nbtrain.commands._table import TABLE, command, nearest_verb, verbs_text
from nbtrain.commands.parse import HelpAsked, parse
from nbtrain.commands.spec import Context
from nbtrain.errors import NbtrainError, UsageError
from nbtrain.report.json import json_ready

HELP = """\
nbtrain: train PyTorch models in a notebook; the same verbs here.

usage: nbtrain VERB [options]
       nbtrain VERB --help      what a verb takes, with an example
       nbtrain --version

  --json    print one JSON object and nothing else

verbs:
"""


def main(words: list[str] | None = None) -> int:
    """Run one verb and return the exit status.

    Args:
        words: the command line without the program's name; None takes it from the process.
    """
    words = list(sys.argv[1:] if words is None else words)
    as_json = "--json" in words
    words = [word for word in words if word != "--json"]
    _print_anything()
    try:
        status = _run(words, as_json=as_json)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader (head, less) has left; nothing more to say
        # Else the interpreter flushes once more on its way out, and complains.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _print_anything() -> None:
    """Have a terminal that lacks a sign show `?` for it instead of ending in an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _run(words: list[str], *, as_json: bool) -> int:
    try:
        if not as_json and (not words or words[0] in ("-h", "--help", "help")):
            print(HELP + verbs_text())
            return 0
        if words[:1] == ["--version"]:
            _show({"version": nbtrain.__version__} if as_json else nbtrain.__version__, as_json=as_json)
            return 0
        value = _value(words)
        if hasattr(value, "argv"):
            return _proposed(value, as_json=as_json)
        interrupted = _is_planned(value) and _done(value, quiet=as_json)
        _show(value, as_json=as_json)
        if interrupted:
            return 130
    except HelpAsked as asked:
        _show(str(asked).rstrip(), as_json=as_json)
    except NbtrainError as error:
        if as_json:
            _print_json(error.to_dict())
        else:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_status
    else:
        return 1 if _critical(value) else 0
    return 0


def _proposed(proposal: Any, *, as_json: bool) -> int:
    """Show a proposed command; run it after a yes, and return its exit status."""
    from nbtrain.cli.foreground import run_here

    return run_here(proposal, as_json=as_json, show=lambda value: _show(value, as_json=as_json))


def _value(words: list[str]) -> Any:
    if not words or words[0] not in TABLE:
        raise _unknown(words[0] if words else "")
    verb, *rest = words
    chosen = command(verb)
    return chosen.run(parse(chosen, rest, front="nbtrain"), Context())


def _show(value: Any, *, as_json: bool) -> None:
    if as_json:
        _print_json(_as_data(value))
    elif hasattr(value, "to_string"):
        print(_table_text(value))
    elif _is_run(value):
        from nbtrain.commands.finish import completion

        print(completion(value).to_text())
    elif _is_search(value):
        print(value.report().to_text())
    elif value is not None:
        print(value)


def _table_text(table: Any) -> str:
    """Return the runs in columns that fit a terminal; --json has them all."""
    if not len(table):
        return "No runs here."
    shown = table[["name", "status", "created_at", "steps", "train_loss", "val_loss"]].copy()
    shown["created_at"] = shown["created_at"].dt.strftime("%Y-%m-%d %H:%M")
    return shown.to_string(na_rep="–", float_format=lambda value: f"{value:.4g}")


def _print_json(data: Any) -> None:
    print(json.dumps(json_ready(data), ensure_ascii=False, allow_nan=False))


def _as_data(value: Any) -> dict[str, Any]:
    if hasattr(value, "to_string"):
        return {"runs": json.loads(value.reset_index().to_json(orient="records", date_format="iso"))}
    if _is_run(value):
        return value.manifest.to_dict()
    if isinstance(value, dict):
        return value
    return value.to_dict() if hasattr(value, "to_dict") else {"message": value}


def _is_run(value: Any) -> bool:
    return hasattr(value, "manifest")


def _done(value: Any, *, quiet: bool) -> bool:
    """Do a planned run or search to its end; return whether Ctrl-C ended it."""
    from nbtrain.cli.foreground import search_here, train_here

    return (train_here if _is_run(value) else search_here)(value, quiet=quiet)


def _is_search(value: Any) -> bool:
    return hasattr(value, "best_trial")


def _is_planned(value: Any) -> bool:
    """Say whether a command returned a run or a search that waits to be started."""
    planned = (_is_run(value) or _is_search(value)) and str(value.status) == "planned"
    return planned and hasattr(value, "start")


def _critical(value: Any) -> bool:
    """Say whether a run ended badly or a report tells of one, a configuration is not valid, a review found
    something critical or no Python in what it read, a checkpoint cannot be loaded, a step does not fit, an
    export is not accepted, a model is too slow."""
    if hasattr(value, "to_string"):
        return False
    if getattr(value, "broken", False):
        return True
    data = getattr(value, "data", None) or {}
    if str(getattr(value, "status", "") or data.get("status", "")) in ("failed", "diverged"):
        return True
    if any(data.get(verdict) is False for verdict in ("loadable", "fits", "accepted", "within_limit")):
        return True
    return any(str(finding.severity) == "critical" for finding in getattr(value, "findings", ()))


def _unknown(verb: str) -> UsageError:
    if not verb:
        return UsageError("No verb was given.", suggestion=f"Verbs are: {', '.join(TABLE)}.")
    close = nearest_verb(verb)
    return UsageError(
        f"`{verb}` is not a verb of nbtrain.",
        suggestion=f"Did you mean `{close}`?" if close else "See nbtrain --help.",
    )
