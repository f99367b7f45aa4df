"""explain: the last error, a traceback, or what a rule, an alert or a diagnosis means and what to do."""

from __future__ import annotations

import difflib
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from nbtrain.commands.errors_explained import explained, last_error, text_of_file, text_of_stdin
from nbtrain.commands.spec import Argument, Command, Context
from nbtrain.errors import UsageError

if TYPE_CHECKING:
    from nbtrain.report.model import Report


def _run(args: SimpleNamespace, context: Context) -> Any:
    if args.rule is None:
        return _error(context)
    if not args.rule.replace("-", "").replace("_", "").isalnum():  # no id has a dot or a slash
        text = text_of_file(args.rule)
        if text is not None:
            return explained(text)
    from nbtrain.diagnose.knowledge import page_of, pages
    from nbtrain.explain.document import page_of_pattern, pattern_ids
    from nbtrain.review import explain_rule
    from nbtrain.watch.habit import explain_habit, known_habits

    page = page_of(args.rule)
    if page is not None:
        return page.report()
    found = page_of_pattern(args.rule)
    if found is not None:
        return found
    habit = explain_habit(args.rule)
    names = [name for page in pages().values() for name in (page.id, *page.also)]
    names += [habit.id for habit in known_habits()] + pattern_ids()
    near = difflib.get_close_matches(args.rule.strip().lower().replace("_", "-"), names, n=1, cutoff=0.75)
    try:
        return _also_while_training(explain_rule(args.rule), habit)
    except UsageError as error:
        if near:
            raise UsageError(
                f"There is neither a rule nor a page `{args.rule}`.",
                suggestion=f"Did you mean `{near[0]}`?",
                value=args.rule,
            ) from None
        raise error


def page_of_alert(rule: str) -> Report | None:
    """Return the page on what an alert says, by the alert's id; None where there is none.

    A habit of a loop is explained by the review rule of the same id.
    """
    from nbtrain.diagnose.knowledge import page_of
    from nbtrain.watch.habit import explain_habit

    page = page_of(rule)
    if page is not None:
        return page.report()
    habit = explain_habit(rule)
    if habit is None:
        return None
    from nbtrain.review import explain_rule

    return _also_while_training(explain_rule(rule), habit)


def _also_while_training(rule: Report, habit: Report | None) -> Report:
    """A rule's page, with how the same fault is seen while a loop trains, under the same id."""
    if habit is None:
        return rule
    seen = tuple(replace(section, title="Seen while training") for section in habit.sections)
    return replace(rule, sections=(*rule.sections, *seen))


def _error(context: Context) -> Any:
    """Explain the notebook's last error, or the traceback on standard input.

    Raises:
        UsageError: there is none.
    """
    error = last_error(context.visible()) if context.in_notebook else text_of_stdin()
    if error is not None:
        return explained(error, context.visible())
    front = "%train" if context.in_notebook else "nbtrain"
    lack = "No cell and no run has failed here" if context.in_notebook else "Nothing was passed to explain"
    text = "" if context.in_notebook else f"{front} explain < traceback.txt, "
    raise UsageError(
        f"{lack}. `explain` also takes the id of a rule or an alert, as a review or a run shows it.",
        suggestion=f"For example: {text}{front} explain adam-lr-too-high, {front} explain nan-loss",
    )


COMMAND = Command(
    "explain",
    "explain the last error, a traceback, a rule or an alert",
    _run,
    (Argument(("rule",), "id of a rule or an alert, or a file; none for the last error", metavar="ID"),),
    examples=("", "adam-lr-too-high", "convergence-stall"),
)
