"""validate: check a configuration, write a template of one, show what two of them differ in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nbtrain.commands.spec import Argument, Command, Context
from nbtrain.errors import UsageError

MODES = ("baseline", "optimization", "production")


@dataclass(frozen=True)
class Validation:
    """What a check of a configuration found.

    Attributes:
        valid: no errors. errors, warnings: as the contract has them. dialect: a, b, c or None.
        config: the final configuration as a mapping, None when it is not valid. report: the document.
    """

    valid: bool
    errors: list[dict[str, Any]]
    warnings: list[dict[str, Any]]
    dialect: str | None
    config: dict[str, Any] | None
    report: Any

    @property
    def broken(self) -> bool:
        """True for a configuration from which nothing can be trained."""
        return not self.valid

    def __bool__(self) -> bool:
        return self.valid

    def to_dict(self) -> dict[str, Any]:
        """Return `{"valid", "errors", "warnings", ...}`."""
        return self.report.to_dict()

    def to_markdown(self) -> str:
        """Return the report as Markdown."""
        return self.report.to_markdown()

    def __str__(self) -> str:
        return self.report.to_text()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.report._repr_mimebundle_(include, exclude)


def validate(
    path: str | os.PathLike[str], *, namespace: Mapping[str, Any] | None = None, mode: str | None = None
) -> Validation:
    """Check a configuration file: syntax, keys, types, ranges, paths, data, devices and memory.

    Args:
        path: a YAML file in one of the three dialects.
        namespace: the notebook's variables, for architectures and data named after them.
        mode: baseline, optimization or production; what a mode sets need not stand in the file.

    Returns:
        A Validation: `.valid`, `.errors`, `.warnings`, `.config`, rich display. Everything at once.

    Raises:
        UsageError: there is no such file.
    """
    from nbtrain.commands.config_place import place_of
    from nbtrain.config.checking import check_file
    from nbtrain.config.modes import supplied
    from nbtrain.config.resolved import resolve
    from nbtrain.config.writing import checked_data, checked_report

    if mode is not None and mode not in MODES:
        raise UsageError(f"`mode` is {mode!r}; allowed are {', '.join(MODES)}.")
    checked = check_file(path, place_of(path, namespace), supplied=supplied(mode))
    configuration = resolve(checked, mode=mode) if checked.valid else None
    data = checked_data(checked, configuration)
    return Validation(
        checked.valid, data["errors"], data["warnings"], data["dialect"], data["config"],
        checked_report(checked, configuration),
    )  # fmt: skip


def _run(args: SimpleNamespace, context: Context) -> Any:
    from nbtrain.config.templating import template

    if args.new is not None:
        if args.files or args.config:
            raise UsageError(
                "--new writes a template and takes no file.",
                suggestion="nbtrain validate --new baseline > my.yaml",
            )
        return template(args.new).rstrip("\n")
    files = [*args.files, *([args.config] if args.config else [])]
    if not files or len(files) > 2:
        raise UsageError(
            f"validate checks one file and compares two; {len(files)} were given.",
            suggestion="For example: validate training_config.yaml",
        )
    if len(files) == 2:
        return _compared(*files, context, args.mode)
    return validate(files[0], namespace=_names(context), mode=args.mode)


def _names(context: Context) -> dict[str, Any] | None:
    return context.visible() if context.in_notebook else None


def _compared(first: str, second: str, context: Context, mode: str | None) -> Any:
    from nbtrain.commands.config_place import place_of
    from nbtrain.config.checking import check_file
    from nbtrain.config.modes import supplied
    from nbtrain.config.resolved import resolve
    from nbtrain.config.writing import diff_report

    found = [
        resolve(check_file(Path(path), place_of(path, _names(context)), supplied=supplied(mode)), mode=mode)
        for path in (first, second)
    ]
    return diff_report(*found)


COMMAND = Command(
    "validate",
    "check a configuration: every error and warning at once",
    _run,
    (
        Argument(("files",), "a YAML file; two to see what they differ in", many=True, metavar="FILE"),
        Argument(("--config",), "the same as FILE", metavar="FILE"),
        Argument(("--mode",), "also take what this mode sets", choices=MODES, metavar="MODE"),
        Argument(("--new",), "print a template: baseline | optimization | final", metavar="TEMPLATE"),
    ),
    examples=("training_config.yaml", "baseline.yaml optimized.yaml", "--new baseline"),
)
