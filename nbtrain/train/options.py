"""What a person may say about a run, under the names they already type, checked before anything starts."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from numbers import Real
from pathlib import Path
from typing import Any

from nbtrain.errors import UsageError
from nbtrain.running.amounts import amount, currency, duration
from nbtrain.running.backends import backends

# names people bring from Lightning, Hugging Face, Keras and fastai -> ours
ALIASES = {
    "max_epochs": "epochs",
    "num_epochs": "epochs",
    "num_train_epochs": "epochs",
    "n_epoch": "epochs",
    "gradient_clip_val": "clip",
    "max_grad_norm": "clip",
    "accumulate_grad_batches": "accumulate",
    "gradient_accumulation_steps": "accumulate",
    "early_stopping_patience": "patience",
    "save_steps": "checkpoint_every",
    "time_limit": "max_time",
    "output_dir": "dir",
}
PRECISIONS = {
    "32": "32", "fp32": "32", "32-true": "32", "bf16": "bf16", "bf16-mixed": "bf16",
    "16": "16", "fp16": "16", "16-mixed": "16", "auto": "auto",
}  # fmt: skip
GUARDS = ("on", "detect", "off")
DEFAULT_EPOCHS = 10
MOST_EPOCHS, MOST_STEPS = 10_000_000, 10**12  # beyond: years on any machine, a slip of the keys
TAKEN_METRICS = {"loss", "time_s"}  # val_loss decides which checkpoint is best
OWN_ACCURACY = "acc"  # a metric of this name takes the place of the accuracy that finds itself


@dataclass(frozen=True)
class TrainOptions:
    """Options of one run. Every field has a default; `given` holds the names the person set.

    Attributes:
        epochs: passes over the training data; default 10 when `max_steps` is not given either.
        max_steps: optimizer steps; the run ends at whichever of the two comes first.
        clip: largest total gradient norm; None clips nothing.
        accumulate: micro-batches per optimizer step; the loss is divided by their number.
        precision: "32", "bf16", "16" (with a GradScaler) or "auto" (bf16 on a GPU that has it, else 32).
        patience: evaluations without a better validation loss before the run stops; None never stops early.
        max_time: seconds of the run, pauses left out; "2h", "90m", "1:30:00" are read. None: no limit.
        max_cost: money the run may cost, with `price_per_hour` of the machine in `currency`; pauses are paid
            for too, since a machine that waits is rented all the same. None: no limit.
        stop_rise: a loss that rises by more than this share at each of 3 evaluations in a row ends the run;
            0 never does. None: 10 %, and not while the training loss falls (that is overfitting, an alert).
        stop_grad_norm: a gradient norm (before clipping) above this ends the run. None: an alert at most.
        on_nan: after a step that was not finite, and therefore not taken: "stop", "skip" it (at most 5 in a
            row), or "recover" (the last good state, a tenth of the learning rate, clipping at 1; twice at
            most).
        on_stall: after 15 epochs without a better loss, and a loss above 2.0: "alert", or "recover" (three
            times the learning rate; then, once, new weights).
        seed: seeds python, numpy, torch and CUDA at the start; None leaves the generators alone.
        deterministic: ask torch for deterministic algorithms while the run lasts.
        val_every: optimizer steps between evaluations; None evaluates at each epoch's end.
        split: fraction of the training data set put aside for validation, 0 < split < 1.
        no_val: train without validation, knowingly.
        checkpoint_every: optimizer steps between checkpoints; None saves at each epoch's end and,
            within long epochs, every 10 minutes; "auto" as often as costs at most 3 % of the time.
        keep: periodic checkpoints kept besides best, last and one backup.
        log: logging backends, some of json, csv, tensorboard, wandb, mlflow; empty means not chosen.
        name: name of the run. dir: folder that holds the run folders.
        device: "cpu", "cuda", "cuda:1", "mps"; None trains where the model is.
        scheduler_step: "step" or "epoch", when the scheduler's own kind does not tell.
        metrics: name -> callable(output, target) -> number, averaged over the validation samples, in the
            column val_<name>. One called `acc` takes the place of the accuracy that finds itself; `loss` is
            refused.
        resume: go on with an earlier run from its latest good checkpoint: True for the newest of this name
            and folder, or a run's id, name or folder. trust: load a checkpoint that another machine wrote
            also with a torch older than 2.10.
        guard: what cells do meanwhile (random draws, changes of the model): "on" keeps the run as it would
            have been and says what was seen, "detect" only says it, "off" does not look.
        fast: try on these objects what makes a step faster, keep what wins (`nbtrain.train.fast`). A tuple
            holds what an earlier run had kept, which is used again without trying.
        guess_accuracy: report accuracy when the task looks like classification.
    """

    epochs: int | None = None
    max_steps: int | None = None
    clip: float | None = None
    accumulate: int = 1
    precision: str = "32"
    patience: int | None = None
    max_time: float | None = None
    max_cost: float | None = None
    price_per_hour: float | None = None
    currency: str = "USD"
    stop_rise: float | None = None
    stop_grad_norm: float | None = None
    on_nan: str = "stop"
    on_stall: str = "alert"
    seed: int | None = None
    deterministic: bool = False
    val_every: int | None = None
    split: float | None = None
    no_val: bool = False
    checkpoint_every: int | str | None = None
    keep: int = 2
    log: tuple[str, ...] = ()
    name: str = ""
    dir: Path = Path("runs")
    device: str | None = None
    scheduler_step: str | None = None
    metrics: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    resume: Any = None
    trust: bool = False
    guard: str = "on"
    fast: bool | tuple[str, ...] = False
    guess_accuracy: bool = True
    given: frozenset[str] = frozenset()

    @property
    def finds_accuracy(self) -> bool:
        """Whether accuracy is measured by itself: not where the person brings an `acc` of their own."""
        return self.guess_accuracy and OWN_ACCURACY not in self.metrics

    def kept(self) -> dict[str, Any]:
        """Return what was given as plain values, so that a resumed run can be given it again."""
        left_out = {"metrics", "name", "dir", "resume", "trust"}
        given = {name: getattr(self, name) for name in sorted(self.given - left_out)}
        if "fast" in given:
            given["fast"] = self.fast is not False  # what was kept stands in the plan's config
        return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}

    @classmethod
    def from_words(cls, words: Mapping[str, Any]) -> TrainOptions:
        """Build options from keyword arguments, accepting the aliases of other libraries.

        Raises:
            UsageError: an unknown name (with the nearest known one), a value of the wrong kind or out of
                range, or two names for one option.
        """
        known = {f.name for f in fields(cls)} - {"given"}
        values: dict[str, Any] = {}
        said: dict[str, str] = {}
        for word, value in words.items():
            name = ALIASES.get(word, word)
            if name not in known:
                raise UsageError(f"`{word}` is not an option of training.", suggestion=_nearest(word, known))
            if value is None:
                continue
            if name in said and said[name] != word:
                raise UsageError(
                    f"`{said[name]}` and `{word}` are two names for one option.",
                    suggestion="Give one of them.",
                )
            said[name] = word
            values[name] = _CHECKS[name](word, value) if name in _CHECKS else value
        options = cls(**values, given=frozenset(values))
        if options.max_cost is not None and options.price_per_hour is None:
            raise UsageError(
                "`max_cost` is set, and what an hour costs is not known.",
                suggestion="Add price_per_hour=... (--price-per-hour), what the machine costs an hour.",
            )
        if options.split is not None and options.no_val:
            raise UsageError(
                "`split` asks for validation and `no_val` for none.", suggestion="Give one of them."
            )
        return options


def _nearest(word: str, known: set[str]) -> str:
    close = difflib.get_close_matches(word, [*known, *ALIASES], n=1)
    return f"Did you mean `{close[0]}`?" if close else f"Options are: {', '.join(sorted(known))}."


def _whole(low: int, high: int | None = None) -> Callable[[str, Any], int]:
    def check(name: str, value: Any) -> int:
        whole = isinstance(value, Real) and not isinstance(value, bool)
        whole = whole and (isinstance(value, int) or float(value).is_integer())
        if not whole or value < low:
            raise UsageError(
                f"`{name}` is {value!r}; it must be a whole number, at least {low}.",
                suggestion=f"For example {name}={max(low, 10)}.",
            )
        if high is not None and value > high:
            raise UsageError(
                f"`{name}` is {_shown(value)}; more than {high:,} is taken for a slip of the keys.",
                suggestion=f"For example {name}={max(low, 10)}.",
            )
        return int(value)

    return check


def _shown(value: Any) -> str:
    digits = len(str(int(value))) if value < 10**300 else 300
    over = "over " if digits == 300 else ""
    return f"{int(value):,}" if digits <= 18 else f"a number of {over}{digits} digits"


def _clip(name: str, value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise UsageError(
            f"`{name}` is {value!r}; it must be a number, 0 or more (the largest gradient norm).",
            suggestion=f"For example {name}=1.0.",
        )
    return float(value) or None  # 0 means "no clipping" in Lightning and Hugging Face


def _share(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= value < float("inf"):
        raise UsageError(
            f"`{name}` is {value!r}; it must be a share, 0 or more (0.1 is 10 %; 0 never stops).",
            suggestion=f"For example {name}=0.1.",
        )
    return float(value)


def _split(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1:
        raise UsageError(
            f"`{name}` is {value!r}; it must lie between 0 and 1 (the part kept for validation).",
            suggestion="For example split=0.2.",
        )
    return float(value)


def _precision(name: str, value: Any) -> str:
    found = PRECISIONS.get(str(value))
    if found is None:
        raise UsageError(
            f"`{name}` is {value!r}; allowed are 32, bf16, 16 and auto.",
            suggestion='For example precision="bf16".',
        )
    return found


def _word(*allowed: str) -> Callable[[str, Any], str]:
    def check(name: str, value: Any) -> str:
        if value not in allowed:
            raise UsageError(
                f"`{name}` is {value!r}; allowed are {', '.join(allowed[:-1])} and {allowed[-1]}.",
                suggestion=f'For example {name}="{allowed[-1]}".',
            )
        return value

    return check


def _resume(name: str, value: Any) -> Any:
    if getattr(value, "dir", None) is not None and hasattr(value, "manifest"):
        return str(value.dir)  # a run itself
    if value is False or value is True or isinstance(value, (str, Path)):
        return True if value == "latest" else value or None
    raise UsageError(
        f"`{name}` is {value!r}; allowed are True (the newest run of this name and folder) and a run's id.",
        suggestion="For example resume=True.",
    )


def _switch(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise UsageError(
            f"`{name}` is {value!r}; it is on or off: True or False.", suggestion=f"For example {name}=True."
        )
    return value


def _guard(name: str, value: Any) -> str:
    if value not in GUARDS:
        raise UsageError(
            f"`{name}` is {value!r}; allowed are on, detect and off.",
            suggestion='For example guard="detect".',
        )
    return value


def _metrics(name: str, value: Any) -> Mapping[str, Callable[..., Any]]:
    if callable(value):
        value = {getattr(value, "__name__", "metric"): value}
    bad = (
        [key for key, metric in dict(value).items() if not callable(metric)]
        if isinstance(value, Mapping)
        else [value]
    )
    if bad:
        raise UsageError(
            f"`{name}` holds {bad[0]!r}, which is not a function.",
            suggestion="Give metrics={'name': function(output, target)}.",
        )
    for taken in TAKEN_METRICS & set(value):
        raise UsageError(
            f"A metric cannot be called `{taken}`: its column val_{taken} is one that nbtrain fills itself.",
            suggestion=f"Give it another name: metrics={{'my_{taken}': ...}}, --metric my_{taken}=FUNCTION.",
        )
    return dict(value)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise UsageError(
            f"`{name}` is {value!r}; it must be a text that is not empty.",
            suggestion=f'For example {name}="first".',
        )
    return value


def _folder(name: str, value: Any) -> Path:
    if not isinstance(value, (str, Path)) or not str(value).strip():
        raise UsageError(
            f"`{name}` is {value!r}; it must be a folder's path, as a text or a pathlib.Path.",
            suggestion=f'For example {name}="runs".',
        )
    return Path(value).expanduser()


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "epochs": _whole(1, MOST_EPOCHS),
    "max_steps": _whole(1, MOST_STEPS),
    "accumulate": _whole(1),
    "patience": _whole(1),
    "seed": _whole(0),
    "val_every": _whole(1),
    "checkpoint_every": lambda name, value: value if value == "auto" else _whole(1)(name, value),
    "keep": _whole(0),
    "clip": _clip,
    "max_time": duration,
    "max_cost": amount,
    "price_per_hour": amount,
    "currency": currency,
    "stop_rise": _share,
    "stop_grad_norm": amount,
    "split": _split,
    "precision": _precision,
    "log": lambda name, value: backends(value),
    "scheduler_step": _word("step", "epoch"),
    "guard": _guard,
    "fast": _switch,
    "on_nan": _word("stop", "skip", "recover"),
    "on_stall": _word("alert", "recover"),
    "metrics": _metrics,
    "resume": _resume,
    "name": _text,
    "dir": _folder,
    "device": lambda name, value: str(value),
}
