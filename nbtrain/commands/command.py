"""command: the training that a request in words means, as a command that runs after a yes. Nothing else
can.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nbtrain import units
from nbtrain.commands.spec import Argument, Command, Context
from nbtrain.errors import NbtrainError


def propose_command(text: str, *, folder: Any = ".") -> Any:
    """Return the command that a request means; it is not run.

    Args:
        text: what is to be trained, in words. folder: where configurations and scripts are looked for.

    Raises:
        UsageError: it asks for something else, nothing fits, or several things do.
    """
    from nbtrain.launching.choosing import choose
    from nbtrain.launching.found import look
    from nbtrain.launching.proposal import propose
    from nbtrain.launching.request import read_request

    request = read_request(text)
    found = look(Path(folder).expanduser())
    chosen = choose(request, found)
    runs = _runs_of(chosen, found)
    resume, facts, notes = _checkpoint(request, chosen, found, runs)
    facts += _time(request, chosen, runs)
    facts += _memory(chosen)
    facts.append(("Device", _device()))
    if found.passed_over:
        notes.append(f"{found.passed_over} links, or files whose names cannot be shown, were passed over.")
    return propose(request, chosen, found.folder, resume=resume, facts=facts, notes=notes)


def _runs_of(chosen: Any, found: Any) -> list[Any]:
    """Return the runs in the folder that were of this configuration, newest first."""
    from nbtrain.runs.stored import StoredRun

    if chosen.config is None:
        return []
    runs = []
    for path in sorted(found.runs, reverse=True):
        try:
            run = StoredRun(path)
            trained = run.manifest.hyperparameters.get("configuration") or {}
        except (NbtrainError, OSError, ValueError):
            continue
        if _same(trained, chosen.config.said):
            runs.append(run)
    return sorted(runs, key=lambda run: run.manifest.created_at or "", reverse=True)


def _same(trained: dict[str, Any], said: dict[str, Any]) -> bool:
    """Say whether a run was of this configuration: the same architecture on the same data."""
    model, data = trained.get("model") or {}, trained.get("data") or {}
    return (
        bool(model) and model.get("architecture") == said.get("architecture")
        and Path(str(data.get("train"))).name == Path(str(said.get("train_data"))).name
        and data.get("dataset_name") == said.get("dataset_name")
    )  # fmt: skip


def _checkpoint(
    request: Any, chosen: Any, found: Any, runs: list[Any]
) -> tuple[str | None, list[tuple[str, str]], list[str]]:
    """Return what to go on from, and what is known of the newest checkpoint."""
    facts: list[tuple[str, str]] = []
    notes: list[str] = []
    if chosen.script is None:
        for run in runs:
            best = run.best_checkpoint
            if best is None:
                continue
            facts.append(
                ("Checkpoint", f"{run.dir.name}, epoch {best.epoch}, step {best.step:,}{_said(best.metrics)}")
            )
            default = run.dir.parent == found.folder / str(chosen.config.said.get("output_dir") or "runs")
            if request.resume and default:
                return run.dir.name, facts, notes
            if not request.resume:
                notes.append("It begins anew. To go on from the checkpoint, say `resume`.")
            return None, facts, notes
        if request.resume:
            notes.append("There is no checkpoint of it to resume from: it begins anew.")
        return None, facts, notes
    beside = [
        path for path in found.checkpoints if path.is_relative_to(found.folder / chosen.script.path.parent)
    ]
    if not beside:
        return None, facts, notes
    facts.append(("Checkpoint", _laid_open(beside[0], found.folder)))
    if not request.resume:
        notes.append("It begins anew. To go on from the checkpoint, say `resume`.")
    return beside[0].relative_to(found.folder).as_posix(), facts, notes


def _laid_open(path: Path, folder: Path) -> str:
    from nbtrain.checkpoints.inspecting import read_checkpoint

    name = path.relative_to(folder).as_posix()
    try:
        held = read_checkpoint(path)
    except NbtrainError as error:
        return f"{name}: {error.message}"
    if held.problems:
        return f"{name}: {held.problems[0]}"
    epoch = f", epoch {held.epoch}" if held.epoch is not None else ""
    return f"{name}{epoch}, {units.short_count(held.parameters)} parameters{_said(held.metrics)}"


def _said(metrics: Any) -> str:
    shown = [f"{name} {units.number(value)}" for name, value in list(dict(metrics or {}).items())[:4]]
    return ", " + ", ".join(shown) if shown else ""


def _time(request: Any, chosen: Any, runs: list[Any]) -> list[tuple[str, str]]:
    """Return how long it will take, by the newest run of the same configuration that trained whole epochs."""
    for run in runs:
        results = run.manifest.training_results
        hours, epochs = results.get("training_time_hours"), results.get("total_epochs")
        if not hours or not epochs:
            continue
        each_s = float(hours) * 3600 / float(epochs)
        wanted = request.epochs or chosen.config.said.get("epochs")
        told = f"{units.seconds(each_s)} an epoch in {run.dir.name}"
        return [("Time", f"about {units.seconds(each_s * wanted)}: {told}" if wanted else told)]
    return [("Time", "not known: it has not been trained here before")]


def _memory(chosen: Any) -> list[tuple[str, str]]:
    """Return the memory of a transformer by the rule of thumb, where its sizes stand in the configuration."""
    said = chosen.config.said if chosen.config is not None else {}
    width, layers = said.get("hidden_size"), said.get("num_layers")
    if not width or not layers or "transformer" not in str(said.get("architecture") or ""):
        return []
    from nbtrain.memory.rough import Activations, rough_report

    # Source: 12 x layers x width^2 for the blocks of a transformer, and the table of tokens
    count = 12 * layers * width * width + (said.get("vocab_size") or 0) * width
    sizes = Activations(said.get("batch_size") or 1, said.get("max_seq_length") or 1, width, layers)
    peak = rough_report(count, sizes, memory_gib=None).data.get("peak_bytes")
    return [("Memory", f"about {units.size(peak)}, by a rule of thumb")] if peak else []


def _device() -> str:
    import torch

    if not torch.cuda.is_available():
        return "no GPU: it trains on the CPU"
    told = []
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        told.append(f"{torch.cuda.get_device_name(index)}, {units.size(free)} of {units.size(total)} free")
    return "; ".join(told)


def _run(args: SimpleNamespace, context: Context) -> Any:
    found = propose_command(" ".join(args.words))
    if args.yes and found.candidate.missing:  # what is not understood is not run unseen
        said = "--yes counts only where every word is understood: say yes yourself, or leave those words out."
        return replace(found, notes=(*found.notes, said))
    return replace(found, yes=args.yes)


COMMAND = Command(
    "command",
    "propose the command for a training asked for in words",
    _run,
    (
        Argument(("words",), "what is to be trained, in words", many=True, metavar="WORDS"),
        Argument(("--yes", "-y"), "run it at once, without asking, where every word is understood", bool),
    ),
    examples=('"train the custom transformer on tinystories"', '"resume the baseline for 20 epochs" --yes'),
)
