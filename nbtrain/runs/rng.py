"""The random generators of a process (python, numpy, torch, CUDA, MPS) as plain data. Knows no files."""

from __future__ import annotations

import random
from typing import Any

import numpy as np


def capture_rng() -> dict[str, Any]:
    """Return the state of every generator, loadable with `weights_only=True`.

    Keys: "python" (as `random.getstate()`), "numpy" (a dict of lists and numbers), "torch" (a byte tensor),
    "cuda" (a byte tensor a device; absent while CUDA is not in use) and "mps" likewise. On CUDA reading it
    waits for the device.
    """
    import torch

    state: dict[str, Any] = {
        "python": random.getstate(),
        "numpy": to_plain(np.random.get_state(legacy=False)),
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        state["cuda"] = torch.cuda.get_rng_state_all()  # device sync, at checkpoints only
    if torch.backends.mps.is_available():
        state["mps"] = torch.mps.get_rng_state()
    return state


def restore_rng(state: dict[str, Any]) -> list[str]:
    """Put the generators back where `capture_rng` found them.

    Returns:
        What could not be put back, as sentences; empty when all was. A missing device is such a case, not an
        error: the run can go on, it is only not the same to the bit.
    """
    import torch

    missing: list[str] = []
    if "python" in state:
        version, internal, gauss = state["python"]
        random.setstate((version, tuple(internal), gauss))
    else:
        missing.append("The checkpoint holds no state of python's random.")
    if "numpy" in state:
        np.random.set_state(from_plain(state["numpy"]))
    else:
        missing.append("The checkpoint holds no state of numpy's random generator.")
    if "torch" in state:
        torch.set_rng_state(state["torch"].cpu())
    else:
        missing.append("The checkpoint holds no state of torch's random generator.")
    if saved := state.get("cuda"):
        here = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if here != len(saved):
            missing.append(
                f"The checkpoint was made with {len(saved)} CUDA devices, this machine has {here}."
            )
        for index, device_state in enumerate(saved[:here]):
            torch.cuda.set_rng_state(device_state.cpu(), index)
    if "mps" in state:
        if torch.backends.mps.is_available():
            torch.mps.set_rng_state(state["mps"].cpu())
        else:
            missing.append("The checkpoint was made on Apple's GPU, which this machine has not.")
    return missing


def to_plain(value: Any) -> Any:
    """Turn the arrays and numbers of numpy into lists and numbers that `from_plain` turns back."""
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return {"list": value.tolist(), "dtype": str(value.dtype)}
    return value.item() if isinstance(value, np.generic) else value


def from_plain(value: Any) -> Any:
    """Turn what `to_plain` made into arrays again."""
    if isinstance(value, dict):
        if set(value) == {"list", "dtype"}:
            return np.array(value["list"], dtype=value["dtype"])
        return {key: from_plain(item) for key, item in value.items()}
    return value
