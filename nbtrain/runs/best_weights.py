"""The best weights of a run put into a model, all of them or none."""

from __future__ import annotations

import warnings
from typing import Any

from nbtrain.errors import UsageError, UserError

_SHOWN = 3  # names in a refusal


def load_best_weights(checkpoints: Any, model: Any, run_id: str) -> Any:
    """Load the best checkpoint's weights into a model and return it; mode and device stay as they are.

    Where no validation told which is best, the last one is taken, with a warning. The files' hashes are
    verified.

    Raises:
        UserError: the run kept no checkpoint. UsageError: `model` is no module, or has other layers;
            nothing of it was changed. CheckpointCorrupted: no checkpoint verifies.
    """
    if not (hasattr(model, "load_state_dict") and hasattr(model, "state_dict")):
        raise UsageError(
            f"load_best needs a model to put the weights into, not a {type(model).__name__}.",
            suggestion="run.load_best(model)",
        )
    loaded = checkpoints.load_best()
    if loaded is None:
        raise UserError(
            f"Run {run_id} kept no checkpoint.", suggestion="The weights in memory are all there is of it."
        )
    if checkpoints.best() is None:
        warnings.warn(
            f"Run {run_id} has no validation loss to tell which checkpoint is best: the last one was loaded, "
            f"step {loaded.info.step:,}.",
            stacklevel=3,
        )
    weights = _renamed(loaded.model_state, model.state_dict())
    _refuse_another(weights, model, loaded.info)
    model.load_state_dict(weights)
    return model


def _plain(name: str) -> str:
    return name.replace("_orig_mod.", "").removeprefix("module.")


def _renamed(weights: Any, wanted: Any) -> dict[str, Any]:
    """Name weights as the model does, where one of the two is compiled or wrapped and the other is not."""
    if weights.keys() == wanted.keys():
        return weights
    names = {_plain(name): name for name in wanted}
    return {names.get(_plain(name), name): value for name, value in weights.items()}


def _refuse_another(weights: Any, model: Any, info: Any) -> None:
    wanted = model.state_dict()
    wrong = [f"`{name}` is missing" for name in wanted if name not in weights]
    wrong += [f"`{name}` has no place" for name in weights if name not in wanted]
    wrong += [
        f"`{name}` is {tuple(value.shape)} there and {tuple(wanted[name].shape)} here"
        for name, value in weights.items()
        if name in wanted and getattr(value, "shape", None) != getattr(wanted[name], "shape", None)
    ]
    if wrong:
        more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise UsageError(
            f"The checkpoint of step {info.step:,} is of another model: {', '.join(wrong[:_SHOWN])}{more}.",
            suggestion="Make the model as it was for that run; nothing of this one was changed.",
            checkpoint=str(info.path),
        )
