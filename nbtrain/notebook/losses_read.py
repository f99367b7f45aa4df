"""The losses of a source: which criterion, what goes in, and the last thing done to it."""

from __future__ import annotations

from dataclasses import dataclass

from nbtrain.notebook.source_values import argument, quantity
from nbtrain.notebook.story import Story
from nbtrain.notebook.symbolic.library import category, tail_of
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.objects import path_of
from nbtrain.notebook.symbolic.provenance import operations
from nbtrain.notebook.symbolic.values import Live, Made, Op, Value, options

KINDS = {
    "CrossEntropyLoss": "cross-entropy", "cross_entropy": "cross-entropy",
    "BCEWithLogitsLoss": "bce-with-logits", "binary_cross_entropy_with_logits": "bce-with-logits",
    "BCELoss": "bce", "binary_cross_entropy": "bce",
    "NLLLoss": "nll", "nll_loss": "nll",
    "CTCLoss": "ctc", "ctc_loss": "ctc",
    "KLDivLoss": "kl", "kl_div": "kl",
    "MSELoss": "mse", "mse_loss": "mse", "L1Loss": "l1", "l1_loss": "l1",
    "SmoothL1Loss": "l1", "smooth_l1_loss": "l1", "HuberLoss": "l1", "huber_loss": "l1",
}  # fmt: skip
# The last thing that a layer or function does to its output, by the name of its class or function.
LAST = {
    "softmax": "softmax", "Softmax": "softmax", "Softmax2d": "softmax", "log_softmax": "log-softmax",
    "LogSoftmax": "log-softmax", "sigmoid": "sigmoid", "Sigmoid": "sigmoid", "logsigmoid": "log-sigmoid",
    "LogSigmoid": "log-sigmoid", "relu": "relu", "ReLU": "relu", "tanh": "tanh", "Tanh": "tanh", "log": "log",
    "linear": "linear", "Linear": "linear", "Conv1d": "linear", "Conv2d": "linear", "Conv3d": "linear",
    "LazyLinear": "linear", "Bilinear": "linear", "sigmoid_": "sigmoid", "expit": "sigmoid",
}  # fmt: skip
# The attributes by which torchvision's networks hold their last layer.
HEADS = ("fc", "classifier", "head", "heads")
SHAPES = ("Flatten", "Identity", "Unflatten", "Dropout")


@dataclass(frozen=True, eq=False)
class LossCall:
    """One call of a criterion. `kind`: cross-entropy, bce, ...; or "" for others."""

    event: Event
    kind: str
    input: Value | None
    target: Value | None
    criterion: Made | Live | None

    @property
    def line(self) -> int:
        return self.event.line

    @property
    def name(self) -> str:
        return tail_of(self.event.data["path"])

    def option(self, name: str) -> Value | None:
        """Return an option of the criterion, given to its constructor or to the function."""
        if isinstance(self.criterion, Made):
            return self.criterion.kwargs.get(name)
        return self.event.data["kwargs"].get(name)


def loss_calls(story: Story) -> list[LossCall]:
    """Return every call of a criterion of torch's in a source, in order."""
    found = []
    for event in story.of("loss"):
        args, kwargs = event.data["args"], event.data["kwargs"]
        given = args[0] if args else kwargs.get("input")
        target = args[1] if len(args) > 1 else kwargs.get("target")
        kind = KINDS.get(tail_of(event.data["path"]), "")
        found.append(LossCall(event, kind, given, target, event.data["made"]))
    return found


def last_done(value: Value | None) -> tuple[str, Op | None]:
    """Say what was last done to a value: softmax, sigmoid, linear, ...; "" where any way it came about is
    not known.

    Looks through layout, attributes and models of the source, and into nn.Sequential.
    """
    if value is None:
        return "", None
    ways = list(operations(value))
    kinds = {_done_by(op) if op is not None else "" for op in ways}
    return (kinds.pop(), ways[0]) if len(kinds) == 1 else ("", None)


def _done_by(op: Op) -> str:
    if op.path == "call" and op.inputs:
        found = {_of_layer(one) for one in options(op.inputs[0])}
        return found.pop() if len(found) == 1 else ""
    if op.path.startswith((".", "torch.", "scipy.")):
        return LAST.get(tail_of(op.path), "")
    return ""


def _of_layer(layer: Value) -> str:
    found = last_layer(layer)
    return LAST.get(tail_of(path_of(found)), "") if isinstance(found, Made | Live) else ""


def last_layer(layer: Value) -> Value:
    """The layer that gives the output of a layer: the last of a Sequential that does more than shaping."""
    if isinstance(layer, Made) and tail_of(layer.path) == "Sequential" and layer.args and layer.complete:
        inner = [
            one for one in layer.args if not (isinstance(one, Made) and tail_of(one.path).startswith(SHAPES))
        ]
        return last_layer(inner[-1]) if inner else layer
    if isinstance(layer, Made) and category(layer.path) == "torchvision-model":
        head = next((layer.attrs[name] for name in HEADS if name in layer.attrs), None)
        return last_layer(head) if head is not None else layer
    if isinstance(layer, Live) and type(layer.obj).__name__ == "Sequential":
        held = [one for one in (vars(layer.obj).get("_modules") or {}).values() if one is not None]
        inner_live = [one for one in held if not type(one).__name__.startswith(SHAPES)]
        return last_layer(Live(inner_live[-1], layer.name)) if inner_live else layer
    return layer


def laid_flat(layer: Value) -> bool:
    """Whether a Sequential ends by laying its output out anew: `Flatten(0)` makes one dimension of (N, 1)."""
    if isinstance(layer, Live) and type(layer.obj).__name__ == "Sequential":
        held = [one for one in (vars(layer.obj).get("_modules") or {}).values() if one is not None]
        last = [one for one in held if type(one).__name__.startswith(SHAPES)]
        flat = any(vars(one).get("start_dim") == 0 or type(one).__name__ == "Unflatten" for one in last)
        return flat and bool(held) and type(held[-1]).__name__.startswith(SHAPES)
    inner = layer.args if isinstance(layer, Made) and tail_of(layer.path) == "Sequential" else []
    for one in reversed(inner):
        if not isinstance(one, Made) or not tail_of(one.path).startswith(SHAPES):
            return laid_flat(one)
        start = quantity(argument(one, "start_dim", 0))
        if tail_of(one.path) == "Unflatten" or (tail_of(one.path) == "Flatten" and start.values == (0.0,)):
            return True
    return False


def outputs_of(op: Op | None) -> float | None:
    """The number of outputs of the linear layer that an operation calls, when it is one known number."""
    layer = last_layer(op.inputs[0]) if op is not None and op.path == "call" and op.inputs else None
    if isinstance(layer, Live):
        held = vars(layer.obj).get("out_features", vars(layer.obj).get("out_channels"))
        return float(held) if isinstance(held, int) else None
    if not isinstance(layer, Made):
        return None
    for name in ("out_features", "out_channels"):
        found = quantity(argument(layer, name, 1))
        if found.known and len(set(found.values)) == 1:
            return found.values[0]
    return None
