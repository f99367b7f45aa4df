"""review: read a cell, a file or the live objects, and say what would waste GPU hours."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nbtrain.commands.spec import Argument, Command, Context
from nbtrain.errors import UsageError

FILES = (".py", ".ipynb", ".yaml", ".yml")


def review(
    source: str | Path | None = None,
    *,
    namespace: Mapping[str, Any] | None = None,
    config: str | Path | None = None,
    probe: bool = False,
    sanity: bool = False,
) -> Any:
    """Review code and the objects it names; nothing is run unless a probe is asked for.

    Args:
        source: code as text, or the path of a .py, .ipynb or .yaml file; None reviews the live objects alone.
        namespace: name -> object, e.g. `globals()`; what is seen there beats what is read in the source.
            None takes none, and without a source the caller's globals: in a notebook, its variables.
        config: path of a configuration (.yaml), reviewed by the same rules in place of a source.
        probe: run the code for two optimizer steps on copies, and say what really happens. Everything is put
            back, and the report says what that was verified for.
        sanity: with a probe, also try on copies whether one batch can be learned and whether labels matter;
            it takes up to a minute and a half.

    Returns:
        A Review: `.findings`, `.to_markdown()`, `.to_dict()`, rich display.

    Raises:
        UsageError: there is no such file, or it is no file that can be reviewed.
    """
    from nbtrain.review import review_file, review_source

    if config is not None:
        return _of_configuration(config, source, namespace, probe)
    if isinstance(source, Path) or (
        isinstance(source, str) and "\n" not in source and source.endswith(FILES)
    ):
        return review_file(Path(source), namespace=namespace, probe=probe, sanity=sanity)
    if source is not None and not isinstance(source, str):
        raise UsageError(
            f"review was given a value of type {type(source).__name__}; allowed are code as text and the "
            "path of a .py, .ipynb or .yaml file.",
            suggestion="nbtrain.review() without an argument reviews the objects of the notebook.",
        )
    if probe and source is None:
        raise UsageError(
            "A probe runs code, and none was given.", suggestion="nbtrain.review(source, probe=True)"
        )
    if sanity and not probe:
        raise UsageError(
            "Sanity experiments are part of a probe.", suggestion="Add --probe (probe=True) to --sanity."
        )
    if source is None and namespace is None:
        namespace = _persons_own(sys._getframe(1).f_globals)
    return review_source(source, namespace=namespace, probe=probe, sanity=sanity)


def _of_configuration(config: Any, source: Any, namespace: Mapping[str, Any] | None, probe: bool) -> Any:
    from nbtrain.review import review_file

    if source is not None:
        raise UsageError(
            "A source and a configuration are two reviews.", suggestion="Leave one of the two out."
        )
    path = Path(config).expanduser()
    if path.suffix not in (".yaml", ".yml"):
        raise UsageError(
            f"A configuration is a .yaml file; `{config}` is none.",
            suggestion="nbtrain validate --new baseline prints one.",
        )
    return review_file(path, namespace=namespace, probe=probe)


def _persons_own(variables: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in variables.items() if not name.startswith("_")}


def _run(args: SimpleNamespace, context: Context) -> Any:
    if context.cell is not None:
        if args.names:
            raise UsageError(
                f"%%train_review reads the cell below it and takes no names; `{args.names[0]}` is one.",
                suggestion="%train_review NAME, with one %, reviews objects.",
            )
        if args.output is not None:
            raise UsageError(
                "--output writes a corrected file, and a cell is none.",
                suggestion="%%train_review --fix puts the corrected cell below this one.",
            )
        return _fixed(
            review(context.cell, namespace=context.namespace, probe=args.probe, sanity=args.sanity), args
        )
    if args.run:
        raise UsageError(
            "--run runs the cell below, and there is none.", suggestion="Use it as %%train_review --run."
        )
    if args.config is not None:
        if args.names:
            raise UsageError(
                f"--config names the file to review; `{args.names[0]}` is one more.",
                suggestion="One file at a time.",
            )
        return _of_file(args.config, args, context)
    files = [name for name in args.names if name.endswith(FILES)]
    if files:
        return _of_file(files[0], args, context)
    if args.fix:
        raise UsageError(
            "--fix corrects code: the cell below, or a file; there is neither.",
            suggestion="Use it as %%train_review --fix, or give a .py or .ipynb file.",
        )
    if args.probe:
        raise UsageError(
            "--probe runs code: the cell below, or a file; there is neither.",
            suggestion="Use it as %%train_review --probe, or give a .py or .ipynb file.",
        )
    if context.namespace is None:
        given = f", and `{args.names[0]}` is none" if args.names else ""
        raise UsageError(
            f"A review in a terminal needs a .py, .ipynb or .yaml file{given}.",
            suggestion="For example: nbtrain review train.py",
        )
    unknown = [name for name in args.names if name not in context.namespace]
    if unknown:
        close = difflib.get_close_matches(unknown[0], context.visible(), n=1)
        raise UsageError(
            f"`{unknown[0]}` is neither a name of this notebook nor a .py, .ipynb or .yaml file.",
            suggestion=f"Did you mean `{close[0]}`?"
            if close
            else "%train_review without a name reviews everything the notebook holds.",
        )
    if args.names:
        return review(None, namespace={name: context.namespace[name] for name in args.names})
    return review(None, namespace=context.visible())


def _of_file(name: str, args: SimpleNamespace, context: Context) -> Any:
    if len(args.names) > 1:
        raise UsageError(
            f"One file at a time: {len(args.names)} words were given.",
            suggestion=f"Review `{name}` alone.",
        )
    if (args.output is not None or args.overwrite) and not args.fix:
        raise UsageError(
            "--output and --overwrite are for corrected files.", suggestion="Add --fix, or leave them out."
        )
    path = Path(name).expanduser()
    if args.config is not None or path.suffix in (".yaml", ".yml"):
        reviewed = review(config=path, namespace=context.namespace, probe=args.probe)
    else:
        reviewed = review(path, probe=args.probe, sanity=args.sanity)
    found = _fixed(reviewed, args)
    if args.output is None:
        return found
    return _written(path, found, Path(args.output).expanduser(), overwrite=args.overwrite)


def _fixed(found: Any, args: SimpleNamespace) -> Any:
    """With --fix in a terminal's way: the review with the report of its correction."""
    if not args.fix:
        return found
    from nbtrain.review.fixed import report

    return replace(found, report=report(found))


def _written(path: Path, found: Any, target: Path, *, overwrite: bool) -> Any:
    """Write the corrected file, and say so in the report.

    Raises:
        UsageError: the target is there already, and overwriting was not asked for; it is of another kind.
        RunFolderError: the disk refused.
    """
    from nbtrain.review.fixed import content
    from nbtrain.runs.files import REAL, disk_trouble, replace_file

    if target.suffix != path.suffix:
        raise UsageError(
            f"--output was given `{target}`; the correction of `{path}` is a {path.suffix} file.",
            suggestion=f"Name a {path.suffix} file.",
        )
    if target.exists() and not overwrite:
        raise UsageError(
            f"`{target}` is there already and was left alone.",
            suggestion="Add --overwrite to replace it, or name another file.",
        )
    if not found.correction.after:
        return found
    try:
        replace_file(target, content(path, found), REAL)
    except OSError as error:
        raise disk_trouble(error, "write the corrected file", target) from error
    headline = f"{found.report.headline}; written to {target}"
    return replace(found, report=replace(found.report, headline=headline))


COMMAND = Command(
    "review",
    "review code and live objects before GPU hours are spent",
    _run,
    (
        Argument(
            ("names",),
            "names of the notebook, or a .py, .ipynb or .yaml file; everything when left out",
            many=True,
            metavar="NAME",
        ),
        Argument(("--config",), "review the run that a configuration (.yaml) describes", metavar="FILE"),
        Argument(("--probe",), "run two steps of the code on copies, put everything back, tell", bool),
        Argument(("--sanity",), "with --probe: also try to learn one batch, and shuffled labels", bool),
        Argument(("--fix",), "show the corrected code as a diff; of a cell, put it below", bool),
        Argument(("--output",), "with --fix: write the corrected file there", metavar="FILE"),
        Argument(("--overwrite",), "with --output: also where there is a file already", bool),
        Argument(("--log",), "with --run: where the numbers go, as for %%train", metavar="BACKENDS"),
        Argument(("--run",), "run the cell after its review (in a notebook, %%train_review --run)", bool),
    ),
    examples=("train.py", "experiment.ipynb", "train.py --fix --output train_fixed.py"),
)
