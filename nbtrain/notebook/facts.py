"""What is known of a training set-up, whether read in a source or seen on live objects.

Data only; no judgement.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

YES, NO, UNKNOWN = "yes", "no", "unknown"


@dataclass(frozen=True)
class Quantity:
    """A number as far as it is known.

    Attributes:
        values: every value it may have; empty when unknown.
        origin: "" for a literal in the source, else in words (`default of --lr`, `live value`).
        node: the expression to change, when there is one.
        text: how the source writes it.
    """

    values: tuple[float, ...] = ()
    origin: str = ""
    node: ast.expr | None = field(default=None, compare=False, repr=False)
    text: str = ""

    @property
    def known(self) -> bool:
        return bool(self.values)

    @property
    def low(self) -> float:
        return min(self.values)

    @property
    def high(self) -> float:
        return max(self.values)

    @property
    def line(self) -> int | None:
        return getattr(self.node, "lineno", None)


@dataclass(frozen=True)
class Answer:
    """Whether something is so: yes, no or unknown; `why`: what showed it, or what hides it."""

    state: str
    why: str = ""
    line: int | None = None


@dataclass(frozen=True)
class OptimizerFact:
    """One optimizer.

    Attributes:
        name: the notebook's name, or "".
        cls: class name (`AdamW`); family: adam, sgd or other.
        lrs: learning rate of each parameter group (one when it has a single group).
        peak: what schedules make of the highest rate (OneCycle's max_lr); None: nothing changes it.
        reshaped: a schedule or hand-set rate whose size cannot be told, in words, or "".
        weight_decay: the largest of the groups. momentum: 0 when it has none.
        decoupled: weight decay is not added to the gradient.
        live: seen on the object itself.
        key: identity of the object or value, for matching; call, statement: where it is made.
    """

    name: str
    cls: str
    family: str
    lrs: tuple[Quantity, ...]
    weight_decay: Quantity
    momentum: Quantity
    decoupled: bool
    peak: Quantity | None = None
    reshaped: str = ""
    live: bool = False
    doubtful: bool = False
    line: int | None = None
    key: int = 0
    call: ast.Call | None = field(default=None, compare=False, repr=False)
    statement: ast.AST | None = field(default=None, compare=False, repr=False)
    parameters: str = ""


@dataclass(frozen=True)
class LoaderFact:
    """One loader that training reads. `role`: train, evaluation or "" by its name and its use."""

    name: str
    batch_size: Quantity
    line: int | None = None
    live: bool = False
    role: str = ""
    samples: int | None = None
    call: ast.Call | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Accumulation:
    """Gradients of several backward passes go into one step.

    `divided`: whether loss or gradients are divided by k.
    """

    k: Quantity
    divided: Answer
    line: int | None = None


@dataclass(frozen=True)
class TrainingFact:
    """One place where parameters are trained: a hand-written step, or a framework's trainer that is started.

    Attributes:
        owner: who takes the step: person, transformers, lightning, accelerate, fabric, deepspeed.
        line: of `optimizer.step()`, or of the trainer; node: the same. backward: the node of `backward`.
        looped: the step stands in a loop or in a function that is called elsewhere.
        epochs, batch: None when there is none to see.
        clipped, warmed_up, changes_lr: answers; precision: fp16, bf16, mixed or "".
        scaled: whether the loss goes through a GradScaler.
        epoch_loop: the loop statement over epochs.
        plain: what is trained is known to hold no attention and no recurrence.
    """

    owner: str
    line: int | None
    looped: bool
    optimizer: OptimizerFact | None
    name: str = ""
    epochs: Quantity | None = None
    batch: LoaderFact | None = None
    accumulation: Accumulation | None = None
    accumulates: bool = False
    clipped: Answer = Answer(UNKNOWN)
    warmed_up: Answer = Answer(UNKNOWN)
    changes_lr: Answer = Answer(UNKNOWN)
    precision: str = ""
    scaled: bool = False
    several_optimizers: bool = False
    distributed: bool = False
    plain: bool = False
    node: ast.AST | None = field(default=None, compare=False, repr=False)
    backward: ast.AST | None = field(default=None, compare=False, repr=False)
    autocast: ast.Call | None = field(default=None, compare=False, repr=False)
    epoch_loop: ast.AST | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Architecture:
    """What kind of network is trained. Each of attention, recurrent, policy: what showed it, or "".

    `depth`: weight layers (Linear and convolutions) of the deepest live model, `norms`: its normalisation
    layers.
    `frozen`: parameters are frozen somewhere. `pretrained`: starts from trained weights.
    """

    attention: str = ""
    recurrent: str = ""
    policy: str = ""
    depth: int = 0
    norms: int = 0
    frozen: bool = False
    pretrained: bool = False
    live: bool = False
