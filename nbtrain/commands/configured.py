"""Runs from a configuration: what `start --config` and `plan --config` share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nbtrain.commands.cells_of_run import cells_of
from nbtrain.commands.errors_explained import explainer
from nbtrain.commands.finish import completion, leave_reports
from nbtrain.commands.spec import Argument, Context
from nbtrain.config.modes import MODES
from nbtrain.errors import UsageError

ARGUMENTS = (
    Argument(("--config",), "train from this YAML file", metavar="FILE"),
    Argument(
        ("--mode",),
        "with --config: baseline (20 epochs) | optimization (50) | production (100, tested at the end)",
        choices=tuple(MODES), metavar="MODE",
    ),
    Argument(("--data",), "with --config: training data, a file, a folder or a variable", metavar="DATA"),
    Argument(("--test",), "with --config: data that is judged once, at the end", metavar="DATA"),
    Argument(
        ("--baseline",), "with --config: an earlier run to compare this one with at its end", metavar="RUN"
    ),
    Argument(
        ("--from",), "with --config: take the changes of a diagnosis (diagnosis.json, optimization.yaml)",
        metavar="FILE",
    ),
)  # fmt: skip
# options of a line that are settings of a configuration -> the setting
_SETTINGS = {
    "epochs": "epochs", "max_steps": "total_steps", "clip": "clip", "accumulate": "accumulate",
    "precision": "precision", "patience": "patience", "seed": "seed", "deterministic": "deterministic",
    "device": "device", "on_nan": "on_nan", "on_stall": "on_stall", "val_every": "val_every",
    "checkpoint_every": "checkpoint_every", "keep": "keep", "split": "split", "dir": "output_dir",
    "name": "name",
    "data": "train_data", "val": "val_data", "test": "test_data",
}  # fmt: skip
# options of a line that a run takes beside its configuration
_BESIDE = (
    "max_time", "max_cost", "price_per_hour", "currency", "stop_rise", "stop_grad_norm", "guard", "fast",
    "resume",
    "trust",
)  # fmt: skip
# a diagnosis' words for settings -> ours
_OF_DIAGNOSIS = {
    "lr": "learning_rate", "gradient_clip": "clip", "max_grad_norm": "clip", "grad_clip": "clip",
    "gradient_accumulation": "accumulate", "gradient_accumulation_steps": "accumulate",
    "num_epochs": "epochs",
    "scheduler": "lr_schedule", "warmup": "warmup_steps",
}  # fmt: skip


def refuse_without_config(args: SimpleNamespace) -> None:
    """Refuse what has a meaning only with --config.

    Raises:
        UsageError: such an option is there, and no --config.
    """
    for argument in ARGUMENTS[1:]:
        if vars(args)[argument.dest] is not None:
            raise UsageError(
                f"{argument.flags[0]} belongs to a run from a configuration.",
                suggestion=f"For example: --config baseline.yaml {argument.flags[0]} {argument.metavar}",
            )


def prepared(args: SimpleNamespace, context: Context) -> Any:
    """Return the plan of a configuration with what its run needs at the end.

    Raises:
        InvalidConfig: the configuration cannot be used; carries every error. UsageError: something does not
        fit.
    """
    from nbtrain.configured.building import prepare

    configuration, ignored = decided(args, context)
    names = context.visible() if context.in_notebook else None
    found = prepare(
        configuration, names, roles={"loss": args.loss}, words=beside(args),
        explain=explainer(context.namespace),
    )  # fmt: skip
    return _with_notes(found, ignored)


def beside(args: SimpleNamespace) -> dict[str, Any]:
    """Return the options of a line that a run takes beside its configuration."""
    return {name: vars(args)[name] for name in _BESIDE if vars(args)[name] not in (None, False)}


def decided(
    args: SimpleNamespace, context: Context, *, given: Iterable[str] = ()
) -> tuple[Any, list[str]]:
    """Return the configuration of a line with every setting decided that can be without the objects, and what
    a diagnosis recommends that is no setting.

    Args:
        given: settings that come from elsewhere, which the file need not make.

    Raises:
        InvalidConfig: the configuration cannot be used; carries every error. UsageError: something does not
        fit.
    """
    from nbtrain.commands.config_place import place_of
    from nbtrain.config.checking import check_file
    from nbtrain.config.modes import supplied
    from nbtrain.config.resolved import resolve

    _refuse_objects(args)
    names = context.visible() if context.in_notebook else None
    options = _options(args, context)
    changes, ignored = _from_diagnosis(vars(args)["from"])
    overlaid = {**changes, **options}
    checked = check_file(
        args.config,
        place_of(args.config, names),
        supplied={*supplied(args.mode), *options, *given},
        overlaid=overlaid,
    )
    configuration = resolve(checked, mode=args.mode, options=overlaid)
    if changes:
        taken = {name: value for name, value in changes.items() if name not in options}
        configuration = configuration.with_values("diagnosis", **taken)
    return configuration, ignored


def _with_notes(found: Any, ignored: list[str]) -> Any:
    from dataclasses import replace

    if not ignored:
        return found
    said = f"The diagnosis also recommends what a configuration cannot set: {', '.join(ignored)}."
    return replace(found, plan=replace(found.plan, warnings=(said, *found.plan.warnings)))


def configured_run(args: SimpleNamespace, context: Context) -> Any:
    """Return the run of a configuration, not started."""
    from nbtrain.configured.outcome import leave_outcome
    from nbtrain.running.run import Run
    from nbtrain.train.training import Training

    found = prepared(args, context)
    baseline = _baseline(args, found)
    compared = [] if baseline is None else [lambda run: leave_comparison(run, baseline)]
    listeners = [] if found.tuning is None else [lambda control: found.tuning.listener]
    training = Training(found.plan, listeners=listeners)
    training.cells = cells_of(found.plan.work.names.values())
    return Run(
        training,
        finishers=(lambda run: leave_outcome(run, found, completion), leave_reports, *compared),
        report=completion, in_thread=context.in_thread, explain=explainer(context.namespace),
    )  # fmt: skip


def _baseline(args: SimpleNamespace, found: Any) -> Any:
    """Return the run that is named as the baseline, None without one.

    Raises:
        RunNotFound: there is none of that name.
    """
    from nbtrain.runs.stored import StoredRun

    word = vars(args).get("baseline")
    return None if word is None else StoredRun.load(Path(found.plan.work.options.dir), word)


def leave_comparison(run: Any, baseline: Any) -> None:
    """Write comparison.md, and what it came to into the manifest's `baseline_comparison`."""
    from nbtrain.commands.compare import compare

    found = compare(str(baseline.dir), str(run.dir))
    told = found.to_dict()
    run.folder.write_text("comparison.md", found.to_markdown())
    kept = {name: told.get(name) for name in ("verdict", "metrics", "gap_change")}
    run.folder.write_manifest(baseline_comparison={"baseline": baseline.id, **kept})


def _refuse_objects(args: SimpleNamespace) -> None:
    given = [f"`{word}`" for word in args.objects]
    given += [
        f"--{name}" for name in ("optimizer", "scheduler", "scheduler_step", "metric", "no_val")
        if vars(args)[name] not in (None, False, [])
    ]  # fmt: skip
    if given:
        raise UsageError(
            f"With --config the configuration says what is trained; {', '.join(given)} cannot stand "
            f"beside it.",
            suggestion="Name the model under `model.architecture` and data with --data or under `data`.",
        )


def _options(args: SimpleNamespace, context: Context) -> dict[str, Any]:
    from nbtrain.running.backends import backends
    from nbtrain.train.options import TrainOptions

    said = {name: vars(args)[name] for name in _SETTINGS if vars(args)[name] not in (None, False)}
    own = {name: said[name] for name in said if name not in ("data", "val", "test")}
    checked = TrainOptions.from_words(own)  # the checks, and the words, of a line
    found = {
        _SETTINGS[name]: value if name in ("data", "val", "test") else getattr(checked, name)
        for name, value in said.items()
    }
    if "output_dir" in found:
        found["output_dir"] = str(found["output_dir"])
    elif context.runs_dir != "runs":
        found["output_dir"] = context.runs_dir
    if words := args.log or context.log:
        found["backends"] = list(backends(words))
    return found


def _from_diagnosis(path: str | None) -> tuple[dict[str, Any], list[str]]:
    """Return the settings a diagnosis changes, and what it recommends that is no setting."""
    if path is None:
        return {}, []
    changes = _changes(Path(path).expanduser())
    from nbtrain.config.kinds import typed
    from nbtrain.config.reading import Node
    from nbtrain.config.settings import Settings

    named = {_OF_DIAGNOSIS.get(name, name): value for name, value in changes.items()}
    known = {name: Node(value, 0) for name, value in named.items() if name in Settings.model_fields}
    values, problems = typed(known, lambda name: name)
    if problems:
        raise UsageError(f"{path}: {problems[0].sentence()}", suggestion="Mend it, or leave --from out.")
    return values, [name for name in named if name not in known]


def _changes(path: Path) -> Mapping[str, Any]:
    from nbtrain.config.reading import read_file

    if path.suffix.lower() == ".json":
        try:
            told = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise UsageError(
                f"There is no diagnosis `{path}`.", suggestion="`diagnose --json > diagnosis.json`"
            ) from None
        except (OSError, ValueError, RecursionError) as error:
            raise UsageError(
                f"`{path}` is no JSON: {str(error)[:100]}.", suggestion="Make it again."
            ) from None
    else:
        told = read_file(path).plain()
    found: dict[str, Any] = {}
    if isinstance(told, dict):
        first = [one for one in told.get("findings") or [] if isinstance(one, dict)]
        first = [one for one in first if one.get("check") == told.get("primary")] or first[:1]
        for finding in first:
            for advice in finding.get("recommendations") or []:
                if isinstance(advice, dict) and isinstance(advice.get("change"), dict):
                    found = {**advice["change"], **found}
        if isinstance(told.get("changes"), dict):
            found = told["changes"]
    if not found:
        raise UsageError(
            f"`{path}` holds no changes.",
            suggestion="Give what `diagnose --apply` or `diagnose --json` wrote.",
        )
    return found
