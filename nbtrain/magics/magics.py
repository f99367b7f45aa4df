"""The magics: `%train`, `%train VERB`, `%train_review`, `%%train_review`.
Parse, call one command, show what it returned.
"""

from __future__ import annotations

from typing import Any

from IPython.core.error import UsageError as ShellUsageError
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class

from nbtrain.commands._table import TABLE, command
from nbtrain.commands.parse import HelpAsked, parse, split_line
from nbtrain.commands.spec import Context
from nbtrain.errors import UserError
from nbtrain.magics import display, surroundings
from nbtrain.magics.cell import run_cell


@magics_class
class NBTrainMagics(Magics):
    """Train and review from cells.

    Args:
        shell: the IPython shell. settings: what `%config NBTrain` sets.
    """

    def __init__(self, shell: Any, settings: Any) -> None:
        super().__init__(shell)
        self._settings = settings

    @line_magic
    def train(self, line: str) -> Any:
        """`%train [model] [data] [options]` trains in the background; `%train VERB` does the verb;
        `%train --help` tells more.
        """
        words = self._words(line)
        verb = words.pop(0) if words and words[0] in TABLE else "start"
        return self._do(verb, words)

    @line_cell_magic
    def train_review(self, line: str, cell: str | None = None) -> Any:
        """`%%train_review` reviews the cell below it, and runs it only with --run;
        `%train_review [names]` the live objects.
        """
        __tracebackhide__ = True
        words = self._words(line)
        review = self._do("review", words, cell=cell)
        if cell is None or review is None or "--run" not in words:
            return review
        display.show_value(review)
        if any(finding.severity == "critical" for finding in review.findings):
            print(
                "Not run: the review found something critical. Mend it, or run the cell without %%train_review."
            )
            return None
        run_cell(self.shell, cell)
        return None

    def _words(self, line: str) -> list[str]:
        try:
            return split_line(line)
        except UserError as error:
            raise ShellUsageError(str(error)) from None

    def _do(self, verb: str, words: list[str], cell: str | None = None) -> Any:
        """Run a command and show its value;
        what is wrong with the input becomes one line without a traceback.
        """
        try:
            chosen = command(verb)
            args = parse(chosen, words)
            return self._show(verb, args, chosen.run(args, self._context(cell)))
        except HelpAsked as asked:
            print(asked)
            if verb == "start":
                print("verbs: " + ", ".join(f"{name} ({summary})" for name, (_, summary) in TABLE.items()))
        except UserError as error:
            raise ShellUsageError(str(error)) from None
        return None

    def _context(self, cell: str | None) -> Context:
        shell = self.shell
        hidden = frozenset(shell.user_ns_hidden) - {"_"} if hasattr(shell, "user_ns_hidden") else frozenset()
        return Context(
            namespace=shell.user_ns, cell=cell, log=self._settings.log, runs_dir=self._settings.dir,
            in_thread=surroundings.route_prints(shell), hidden=frozenset(name for name in hidden if _is_kernels_own(shell, name)),
        )  # fmt: skip

    def _show(self, verb: str, args: Any, value: Any) -> Any:
        if verb == "start":
            return self._show_started(args, value)
        if verb == "status":
            display.show_status(value)
            return None
        if isinstance(value, str):
            print(value)
            return None
        return value

    def _show_started(self, args: Any, run: Any) -> Any:
        from nbtrain.magics import foreground

        if vars(args).get("as"):
            self.shell.user_ns[vars(args)["as"]] = run
        if surroundings.nobody_here(self.shell):
            if not args.yes:
                display.show_value(run.plan.report())
                print("Nobody is here to click Start: starting.")
                run.start()
            foreground.wait_with_lines(run)
        elif surroundings.in_colab() and args.yes:
            foreground.wait_with_pictures(run)
        elif args.yes:
            _print_warnings(run)
            display.show_live(run)
            if args.wait:
                run.wait()
        else:
            display.show_plan(run)
        return run


def _print_warnings(run: Any) -> None:
    for warning in run.plan.warnings:
        print(f"Note: {warning}")


def _is_kernels_own(shell: Any, name: str) -> bool:
    """Say whether a hidden name still holds what the kernel put there (a person may reuse `In` or `quit`)."""
    return shell.user_ns.get(name) is shell.user_ns_hidden.get(name)
