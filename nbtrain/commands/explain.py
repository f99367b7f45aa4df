"""explain: what a review rule means, why it hurts, and when to ignore it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from nbtrain.commands.spec import Argument, Command, Context
from nbtrain.errors import UsageError


def _run(args: SimpleNamespace, context: Context) -> Any:
    from nbtrain.review import explain_rule

    if args.rule is None:
        front = "%train" if context.in_notebook else "nbtrain"
        raise UsageError(
            "`explain` needs the id of a rule, as a review shows it.",
            suggestion=f"For example: {front} explain adam-lr-too-high",
        )
    return explain_rule(args.rule)


COMMAND = Command(
    "explain",
    "explain a review rule",
    _run,
    (Argument(("rule",), "id of the rule", metavar="RULE"),),
    examples=("adam-lr-too-high",),
)
