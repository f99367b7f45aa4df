"""free: let go of the memory that a failed cell still holds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from nbtrain.commands.spec import Argument, Command, Context


def free(*, outputs: bool = False) -> Any:
    """Let go of the memory of a failed cell, return what came back: tensors, bytes, GPU memory.

    After an error Python and IPython keep the variables of every function it went through, for `%debug`:
    batches, activations, whole models. This lets go of them; `%debug` has nothing to look at then. What your
    own variables hold stays.

    Args:
        outputs: also forget the values of earlier cells (`Out[3]`, `_`, `__`).
    """
    from nbtrain.notebook.leftovers import free as let_go

    return let_go(outputs=outputs)


def _free(args: SimpleNamespace, context: Context) -> str:
    return str(free(outputs=args.outputs))


COMMAND = Command(
    "free",
    "let go of the memory of a failed cell",
    _free,
    (Argument(("--outputs",), "also forget the values of earlier cells (Out, _, __)", bool),),
    examples=("", "--outputs"),
    notebook_only=True,
)
