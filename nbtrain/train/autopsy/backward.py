"""The backward of a replayed step: where a gradient that is not finite is first made of finite ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from nbtrain.train.autopsy.calls import Call
from nbtrain.train.autopsy.tensors import Contents, contents, kind_of_bad

LONGEST = 200_000  # nodes of a graph that are watched; a longer unrolled one would take minutes


@dataclass(frozen=True)
class BackwardOrigin:
    """Where it began.

    Attributes:
        node: name of the autograd node, `SqrtBackward0`. call: the forward call it belongs to, or None.
        made: "nan" or "inf". incoming: the gradient that went in; None where nothing was to be seen.
    """

    node: str
    call: Call | None
    made: str
    incoming: Contents | None


class BackwardWatch:
    """Watch every node of a graph.

    Args:
        of_node: node -> forward call, for those whose call was seen.
    """

    def __init__(self, of_node: dict[Any, Call]) -> None:
        self._of_node = of_node
        self.origin: BackwardOrigin | None = None

    @contextmanager
    def over(self, loss: Tensor) -> Iterator[None]:
        """Put hooks on the graph of a loss for the block."""
        with ExitStack() as hooks:
            for node, call in self._nodes(loss.grad_fn):
                if hasattr(node, "register_hook"):
                    hooks.callback(node.register_hook(self._watcher(node.name(), call)).remove)
            yield

    def _nodes(self, root: Any) -> Iterator[tuple[Any, Call | None]]:
        """Yield the nodes with their calls; one within a call of several nodes belongs to that call."""
        seen, waiting = set(), [(root, None)]
        while waiting and len(seen) < LONGEST:
            node, consumers = waiting.pop()
            if node is None or node in seen:
                continue
            seen.add(node)
            call = self._of_node.get(node, consumers)
            yield node, call
            waiting += [(before, call) for before, _ in node.next_functions]

    def _watcher(self, name: str, call: Call | None) -> Any:
        def hook(made: tuple[Any, ...], given: tuple[Any, ...]) -> None:
            if self.origin is not None:
                return
            kinds = [kind_of_bad(one) for one in made]
            kind = "nan" if "nan" in kinds else "inf" if "inf" in kinds else ""
            if not kind or any(kind_of_bad(one) for one in given):
                return
            first = next((one for one in given if isinstance(one, Tensor)), None)
            self.origin = BackwardOrigin(name, call, kind, contents(first) if first is not None else None)

        return hook
