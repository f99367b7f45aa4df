"""explain: what a review rule, an alert or a diagnosis means, and what to do about it."""

from __future__ import annotations

import difflib
from types import SimpleNamespace
from typing import Any

from nbtrain.commands.spec import Argument, Command, Context
from nbtrain.errors import UsageError


def _run(args: SimpleNamespace, context: Context) -> Any:
    from nbtrain.diagnose.knowledge import page_of, pages
    from nbtrain.review import explain_rule
    from nbtrain.watch.habit import explain_habit, known_habits

    if args.rule is None:
        front = "%train" if context.in_notebook else "nbtrain"
        raise UsageError(
            "`explain` needs the id of a rule or an alert, as a review or a run shows it.",
            suggestion=f"For example: {front} explain adam-lr-too-high, {front} explain nan-loss",
        )
    page = page_of(args.rule)
    if page is not None:
        return page.report()
    habit = explain_habit(args.rule)
    if habit is not None:
        return habit
    names = [name for page in pages().values() for name in (page.id, *page.also)]
    names += [habit.id for habit in known_habits()]
    near = difflib.get_close_matches(args.rule.strip().lower().replace("_", "-"), names, n=1, cutoff=0.75)
    try:
        return explain_rule(args.rule)
    except UsageError as error:
        if near:
            raise UsageError(
                f"There is neither a rule nor a page `{args.rule}`.",
                suggestion=f"Did you mean `{near[0]}`?",
                value=args.rule,
            ) from None
        raise error


COMMAND = Command(
    "explain",
    "explain a review rule or an alert",
    _run,
    (Argument(("rule",), "id of the rule or the alert", metavar="ID"),),
    examples=("adam-lr-too-high", "convergence-stall"),
)
