"""What a phase leaves: the verdict of the test set, the best weights where they were asked for, and its
results.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbtrain import units
from nbtrain.config.resolved import Configuration
from nbtrain.config.writing import settings_section
from nbtrain.configured.building import Prepared
from nbtrain.configured.language.tuning import MODEL_FOLDER, leave_language
from nbtrain.report.model import KeyValues, Note, Report, Section
from nbtrain.runs.best_weights import load_best_weights
from nbtrain.runs.status import RunStatus

PHASE_OF_NONE = "training"  # names the results of a run without a mode


def leave_outcome(run: Any, prepared: Prepared, completion: Callable[[Any], Report]) -> None:
    """Load the best weights, judge them on the test data, and write <phase>_results.md; of a fine-tuned
    language model also what it writes now, and its folder.

    Args:
        run: one whose numbers are final and which still holds its objects. prepared: what it was made of.
        completion: makes the report of a run.
    """
    configuration, test = prepared.configuration, prepared.test.value if prepared.test else None
    notes: list[str] = []
    usable = run.status in (RunStatus.COMPLETED, RunStatus.STOPPED)
    tested = _tested(run, configuration, test, notes) if usable else {}
    if tested:
        run.folder.write_manifest(training_results=tested)
    if usable and prepared.tuning is not None:
        try:
            leave_language(run, prepared.tuning)
        except Exception as error:  # a full disk, a model that cannot be saved: the results stand
            why = str(error)[:200] or type(error).__name__
            notes.append(f"The fine-tuned model was not written out: {why}")
        else:
            if prepared.tuning.saves:
                notes.append(f"The model and its tokenizer are in {run.folder.path / MODEL_FOLDER}.")
    phase = configuration.mode or PHASE_OF_NONE
    run.folder.write_text(
        f"{phase}_results.md", _results(run, configuration, tested, notes, completion(run)).to_markdown()
    )


def _tested(run: Any, configuration: Configuration, test: Any, notes: list[str]) -> dict[str, float]:
    work = run.objects
    keep_best = bool(configuration.get("load_best_at_end"))
    if test is None and not keep_best:
        if configuration.mode == "production":
            notes.append("There is no test data, so that nothing judges this run but what it was chosen by.")
        return {}
    judged = run.folder.checkpoints.best() is not None
    before = None
    if judged:
        before = None if keep_best else {name: one.clone() for name, one in work.model.state_dict().items()}
        load_best_weights(run.folder.checkpoints, work.model, run.id)
        notes.append(
            "The model has the weights of its best epoch." if keep_best else "The test is of the best epoch."
        )
    try:
        found = work.judge.evaluate(test, wanted=lambda: True) if test is not None else None
    finally:
        if before is not None:
            work.model.load_state_dict(before)
    return {name.replace("val_", "test_", 1): value for name, value in (found or {}).items()}


def _results(
    run: Any, configuration: Configuration, tested: dict[str, float], notes: list[str], completion: Report
) -> Report:
    phase = configuration.mode or PHASE_OF_NONE
    sections = list(completion.sections)
    if tested or notes:
        rows = tuple((name, units.number(value)) for name, value in tested.items())
        blocks = [*([KeyValues(rows)] if rows else []), *(Note(text) for text in notes)]
        sections.insert(0, Section("Test data", tuple(blocks)))
    sections.append(settings_section(configuration))
    title = f"{phase.capitalize()} results: {run.id}"
    return Report(title, tuple(sections), completion.headline, completion.tone, completion.data)
