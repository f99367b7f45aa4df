"""`nbtrain VERB [options]`: parse, call one command, print what it returned.

Exit status: 0 done, 1 done and critical (findings, a failed run, an error of ours), 2 usage error.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import nbtrain
from nbtrain.commands._table import TABLE, command
from nbtrain.commands.parse import HelpAsked, parse
from nbtrain.commands.spec import Context
from nbtrain.errors import NbtrainError, UsageError


def main(words: list[str] | None = None) -> int:
    """Run one verb and return the exit status.

    Args:
        words: the command line without the program's name; None takes it from the process.
    """
    words = list(sys.argv[1:] if words is None else words)
    as_json = "--json" in words
    words = [word for word in words if word != "--json"]
    try:
        return _run(words, as_json=as_json)
    except HelpAsked as asked:
        print(asked, end="")
        return 0
    except NbtrainError as error:
        if as_json:
            print(json.dumps(error.to_dict(), ensure_ascii=False))
        else:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_status
    except BrokenPipeError:  # the reader (head, less) has left; nothing more to say
        sys.stderr.close()
        return 0


def _run(words: list[str], *, as_json: bool) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(_help())
        return 0
    if words[0] == "--version":
        print(nbtrain.__version__)
        return 0
    verb, *rest = words
    if verb not in TABLE:
        raise _unknown(verb)
    chosen = command(verb)
    args = parse(chosen, rest, front="nbtrain")
    value = chosen.run(args, Context())
    _show(value, as_json=as_json)
    return 1 if _critical(value) else 0


def _show(value: Any, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_as_data(value), ensure_ascii=False, default=str))
    elif hasattr(value, "to_text"):
        print(value.to_text())
    elif hasattr(value, "report") and not isinstance(value, str):
        report = value.report
        print((report() if callable(report) else report).to_text())
    elif hasattr(value, "to_string"):
        print(value.to_string() if len(value) else "No runs here.")
    elif hasattr(value, "manifest"):
        from nbtrain.commands.finish import completion

        print(completion(value).to_text())
    elif value is not None:
        print(value)


def _as_data(value: Any) -> Any:
    if hasattr(value, "to_dict") and not hasattr(value, "to_string"):
        return value.to_dict()
    if hasattr(value, "to_json"):
        return {"runs": json.loads(value.reset_index().to_json(orient="records", date_format="iso"))}
    if hasattr(value, "manifest"):
        return value.manifest.to_dict()
    return {"message": value}


def _critical(value: Any) -> bool:
    if str(getattr(value, "status", "")) in ("failed", "diverged"):
        return True
    return any(str(finding.severity) == "critical" for finding in getattr(value, "findings", ()) or ())


def _unknown(verb: str) -> UsageError:
    import difflib

    close = difflib.get_close_matches(verb, TABLE, n=1)
    return UsageError(
        f"`{verb}` is not a verb of nbtrain.",
        suggestion=f"Did you mean `{close[0]}`?" if close else "See nbtrain --help.",
    )


def _help() -> str:
    width = max(map(len, TABLE))
    lines = [f"  {name:{width}}  {summary}" for name, (_, summary) in TABLE.items()]
    return "\n".join(
        [
            "nbtrain: train PyTorch models in a notebook; the same verbs here.", "",
            "usage: nbtrain VERB [options]   nbtrain VERB --help   --json prints one JSON object", "", "verbs:", *lines,
        ]
    )  # fmt: skip
