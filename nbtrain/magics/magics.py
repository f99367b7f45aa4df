"""The magics: `%train`, `%train VERB`, `%%train`, `%train_review`, `%%train_review`.
Parse, call one command, show what it returned.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from IPython.core.error import UsageError as ShellUsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class

from nbtrain.commands import watch
from nbtrain.commands._table import TABLE, command, nearest_verb, verbs_text
from nbtrain.commands.help import help_text
from nbtrain.commands.parse import HelpAsked, parse, split_line
from nbtrain.commands.spec import Context
from nbtrain.errors import UsageError, UserError
from nbtrain.magics import display, surroundings
from nbtrain.magics.cell import prepared_cell, run_cell
from nbtrain.magics.progress_line import progress_line

REVIEW_USAGE = """\
usage: %%train_review [--probe [--sanity]] [--fix] [--run]   review the cell below
       %train_review [NAME ...]         review the live objects of the notebook, all or these
       %train_review FILE [--fix]       review a .py, .ipynb or .yaml file

  --probe  run the cell for two optimizer steps on copies, put everything back, and say what was seen
  --sanity with --probe: also whether one batch can be learned, and whether the labels matter
  --fix    put the corrected cell below this one, and show what it changes
  --run    run the cell after its review, unless something is critical: a training in the background,
           followed as by %%train (with --log, as there), any other cell as without the magic

A review changes nothing, and runs nothing unless --probe or --run is given.

examples:
  %%train_review --run
  %train_review
  %train_review model optimizer
"""


@magics_class
class NBTrainMagics(Magics):
    """Train and review from cells.

    Args:
        shell: the IPython shell. settings: what `%config NBTrain` sets.
    """

    def __init__(self, shell: Any, settings: Any) -> None:
        super().__init__(shell)
        self._settings = settings

    @line_cell_magic
    def train(self, line: str, cell: str | None = None) -> Any:
        """`%train [model] [data] [options]` trains in the background; `%train VERB` does the verb;
        `%%train [options]` runs the cell's own loop, followed; `%train --help` tells more.
        """
        __tracebackhide__ = True
        if cell is not None:
            return self._follow(line, cell)
        try:
            words = split_line(line)
            if words and words[0] in TABLE:
                return self._do(words[0], words[1:])
            if words == ["help"] and "help" not in self.shell.user_ns:
                words = ["--help"]
            self._check_first(words)
            return self._do("start", words)
        except HelpAsked as asked:
            print(asked)
        except UserError as error:
            raise _for_the_shell(error) from None
        return None

    @line_cell_magic
    def train_review(self, line: str, cell: str | None = None) -> Any:
        """`%%train_review` reviews the cell below it, and runs it only with --run;
        `%train_review [names]` the live objects.
        """
        __tracebackhide__ = True
        try:
            args = self._parsed("review", split_line(line))
            whole = None if cell is None else f"%%train_review {line}\n{cell}"  # lines as the notebook counts
            with display.nothing_shown(args.probe):
                review = command("review").run(args, self._context(whole))
        except HelpAsked:
            print(REVIEW_USAGE)
            return None
        except UserError as error:
            raise _for_the_shell(error) from None
        if cell is not None and args.fix:
            self._put_below(review.suggested_config)
        if cell is None or not args.run:
            return review
        display.show_value(review)
        if review.critical:
            print(
                "Not run: the review found something critical. Mend it, or run the cell without"
                " %%train_review."
            )
        elif not review.trains:
            run_cell(self.shell, cell)
        else:
            return self._followed(line, cell, args)
        return None

    def _followed(self, line: str, cell: str, given: Any) -> Any:
        """Run a reviewed cell's loop as `%%train` does."""
        __tracebackhide__ = True
        words = [] if given.log is None else ["--log", given.log]
        return self._follow(" ".join(words), cell, magic=f"%%train_review {line}")

    def _put_below(self, corrected: str) -> None:
        """Put a corrected cell below the one that runs, to be looked at and run."""
        if corrected:
            self.shell.set_next_input(corrected.rstrip("\n"))
            print("The corrected cell stands below; nothing of it has run.")

    def _follow(self, line: str, cell: str, *, magic: str = "") -> Any:
        """Run a cell's own loop in the background, followed; show and return its run."""
        __tracebackhide__ = True
        try:
            args = parse(watch.CELL, split_line(line), front="%%train")
            body = prepared_cell(self.shell, cell)
            context = replace(self._context(f"{magic or f'%%train {line}'}\n{cell}"), body=body)
            run = watch.CELL.run(args, context).start()
        except HelpAsked as asked:
            print(asked)
            return None
        except UserError as error:
            raise _for_the_shell(error) from None
        self._bind(args, run)
        return self._show_running(args, run)

    def _bind(self, args: Any, run: Any) -> None:
        if name := vars(args)["as"]:
            self.shell.user_ns[name] = run

    def _show_running(self, args: Any, run: Any) -> Any:
        """Show a run that has started as this place allows."""
        from nbtrain.magics import foreground

        if surroundings.nobody_here(self.shell):
            foreground.wait_with_lines(run)
        elif surroundings.in_colab():
            foreground.wait_with_pictures(run)
        else:
            display.show_live(run)
            if args.wait:
                run.wait()
        return run

    def _do(self, verb: str, words: list[str]) -> Any:
        """Run a command, show what it returned, and return what the cell should have as its value."""
        args = self._parsed(verb, words)
        if verb == "start":
            self._check_wait(args)
        with progress_line() as progress:
            value = command(verb).run(args, replace(self._context(None), progress=progress))
        if verb == "start" and not args.dry_run:
            return self._show_started(args, value)
        if verb == "resume" and not isinstance(value, str):
            args.yes = True  # the person has said what to go on with: nothing to ask
            return self._show_started(args, value)
        if verb == "status":
            display.show_status(value)
            return None
        if verb == "search":
            from nbtrain.magics.search_view import show_search

            display.mark_shown(value)
            show_search(value, wait=args.wait)
            return value
        if isinstance(value, str):
            print(value)
            return None
        if verb == "runs":
            from nbtrain.commands.resume import offers

            for text in offers(value):
                print(text)
        return value

    def _parsed(self, verb: str, words: list[str]) -> argparse.Namespace:
        try:
            return parse(command(verb), words)
        except HelpAsked as asked:
            if verb != "start":
                raise
            more = "each with its own help, e.g. %train stop --help"
            own = help_text(watch.CELL, "%%train")
            verbs = f"%train VERB does something else; {more}:\n{verbs_text()}\n"
            raise HelpAsked(f"{asked}\n{own}\n{verbs}") from None

    def _check_first(self, words: list[str]) -> None:
        """Refuse a mistyped verb in words that speak of verbs, before it is taken for a model's name.

        Raises:
            UsageError: the first word is close to a verb and no name of the notebook.
        """
        if not words or words[0].startswith("-") or words[0] in self.shell.user_ns:
            return
        meant = nearest_verb(words[0])
        if meant is not None:
            raise UsageError(
                f"`{words[0]}` is neither a verb of %train nor a name of this notebook.",
                suggestion=f"Did you mean `%train {meant}`?",
            )

    def _check_wait(self, args: Any) -> None:
        if args.wait and not args.yes and not surroundings.nobody_here(self.shell):
            raise UsageError(
                "--wait keeps the cell busy, and a busy cell cannot be asked: it needs --yes.",
                suggestion="Use %train --yes --wait, or leave --wait out and click Start.",
            )

    def _context(self, cell: str | None) -> Context:
        shell = self.shell
        # A person may reuse `In` or `quit`: hidden is a name only while it holds what the kernel put there.
        hidden = {
            name
            for name, value in shell.user_ns_hidden.items()
            if name != "_" and shell.user_ns.get(name) is value
        }
        return Context(
            namespace=shell.user_ns,
            cell=cell,
            log=self._settings.log,
            runs_dir=self._settings.dir,
            in_thread=surroundings.route_prints(shell),
            hidden=frozenset(hidden),
        )

    def _show_started(self, args: Any, run: Any) -> Any:
        """Show the plan; start the run, here or at a click; show it as this place allows."""
        nobody = surroundings.nobody_here(self.shell)
        if args.yes and not nobody:
            display.show_value(display.folded(run.plan.report()))
        elif nobody:
            display.show_value(run.plan.report())
            if not args.yes:
                print("Nobody is here to click Start: starting.")
        if args.yes or nobody:
            run.start()
        self._bind(args, run)
        if args.yes or nobody:
            return self._show_running(args, run)
        display.show_plan(run)
        return run


def _for_the_shell(error: UserError) -> ShellUsageError:
    """Return an error as the shell shows one: its text alone; what is known of it stays with it."""
    shown = ShellUsageError(str(error))
    shown.explanation = error.explanation
    return shown
