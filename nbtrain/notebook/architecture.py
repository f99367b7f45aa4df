"""What kind of network a source trains: attention, recurrence, a policy; frozen or pretrained.

Reads the trace only.
"""

from __future__ import annotations

import ast

from nbtrain.notebook.attention_read import written_in_models
from nbtrain.notebook.facts import Architecture
from nbtrain.notebook.live import LiveModel, model_facts
from nbtrain.notebook.symbolic.library import NOT_TRANSFORMERS, TRANSFORMER_BUILDERS, tail_of
from nbtrain.notebook.symbolic.machine import Event, Machine
from nbtrain.notebook.symbolic.roles import words_of
from nbtrain.notebook.symbolic.values import Class, Func, Made, name_of

FOLLOWERS = (
    "copy",
    "ema",
    "target",
    "teacher",
    "shadow",
    "momentum",
    "slow",
    "old_",
    "ref_model",
    "reference",
)


def architecture_of(machine: Machine) -> Architecture:
    """Return what the source and the live models it names say of the network."""
    made = [event for event in machine.events if event.kind == "made"]
    live = [facts for name, obj in machine.used_live.items() if (facts := model_facts(name, obj)) is not None]
    kinds = {event.kind for event in machine.events}
    policy = ("env-step" in kinds or _has_environment(machine)) and "log-prob" in kinds
    deepest = max(live, key=lambda one: one.depth, default=LiveModel(""))
    return Architecture(
        attention=_first([*(_attention(event) for event in made), *(one.attention for one in live)])
        or _by_hand(machine, made),
        recurrent=_first([*(_recurrent(event) for event in made), *(one.recurrent for one in live)]),
        policy="actions are sampled from an environment and weighted by their log-probability"
        if policy
        else "",
        depth=deepest.depth,
        norms=deepest.norms,
        frozen=any(freezes_a_part(event) for event in machine.events) or any(one.frozen for one in live),
        pretrained=any(_pretrained(event) for event in made),
        live=bool(live),
    )


def _has_environment(machine: Machine) -> bool:
    """An environment that the source writes itself: a class with `reset` and `step(action)`.

    Its step gives an observation, a reward and an end. An optimizer or EarlyStopping has both methods, too.
    """
    return any(
        {"reset", "step"} <= one.cls.attrs.keys()
        and not one.cls.library_bases()
        and _steps_like_an_environment(one.cls)
        for one in machine.instances.values()
        if one.cls is not None
    )


def _steps_like_an_environment(cls: Class) -> bool:
    """`step(self, action)` that returns three values or more, or whose class is called an environment."""
    method = cls.attrs["step"]
    if not isinstance(method, Func) or len(method.node.args.args) < 2:
        return False
    given = [one.value for one in ast.walk(method.node) if isinstance(one, ast.Return)]
    many = any(isinstance(one, ast.Tuple) and len(one.elts) >= 3 for one in given)
    return many or "env" in cls.node.name.lower()


def freezes_a_part(event: Event) -> bool:
    """Whether a part of what is trained is frozen: no copy that follows it, no network to learn from."""
    if event.kind != "freeze":
        return False
    text = f"{words_of(event.subject)} {name_of(event.subject)} {ast.unparse(event.node)[:200]}".lower()
    return not any(word in text for word in FOLLOWERS)


def _by_hand(machine: Machine, made: list[Event]) -> str:
    """Attention written out in a network with LayerNorm: a transformer in all but name."""
    if not any(tail_of(event.data["path"]) in ("LayerNorm", "RMSNorm") for event in made):
        return ""
    event = written_in_models(machine)
    return f"attention written out on line {event.line}" if event is not None else ""


def _first(found: list[str]) -> str:
    return next((one for one in found if one), "")


def _attention(event: Event) -> str:
    kind, made = event.data["category"], event.subject
    assert isinstance(made, Made)
    shown = f"`{tail_of(made.path)}` (line {event.line})"
    if kind in ("attention", "transformer-model"):
        return shown
    name = str(event.data.get("model", "")).lower()
    if kind == "torchvision-model":
        return shown if tail_of(made.path).startswith(TRANSFORMER_BUILDERS) else ""
    if kind == "pretrained" and made.path.startswith("timm"):
        return shown if name.startswith(TRANSFORMER_BUILDERS) else ""
    if kind == "pretrained" and _is_hub_model(made.path):
        return (
            ""
            if any(word in f"{name} {made.path.lower()}" for word in NOT_TRANSFORMERS)
            else f"`{_owner(made.path)}` (line {event.line})"
        )
    return ""


def _owner(path: str) -> str:
    return ".".join(path.split(".")[-2:])


def _is_hub_model(path: str) -> bool:
    owner = path.split(".")[-2] if "." in path else ""
    inside = path.startswith(("transformers.", "sentence_transformers.", "peft.")) or owner.startswith(
        "AutoModel"
    )
    return inside and not any(
        word in owner for word in ("Tokenizer", "Processor", "Config", "FeatureExtractor", "Scheduler")
    )


def _recurrent(event: Event) -> str:
    made = event.subject
    assert isinstance(made, Made)
    return f"`nn.{tail_of(made.path)}` (line {event.line})" if event.data["category"] == "recurrent" else ""


def _pretrained(event: Event) -> bool:
    made = event.subject
    assert isinstance(made, Made)
    if event.data["category"] == "pretrained":
        return _is_hub_model(made.path) or "pretrained" in made.kwargs
    asked = made.kwargs.get("weights") or made.kwargs.get("pretrained")
    return (
        event.data["category"] == "torchvision-model"
        and asked is not None
        and getattr(asked, "value", True) not in (None, False)
    )
