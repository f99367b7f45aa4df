"""What a review does not judge, and where to go with it: said only of what the source or the objects show."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from nbtrain.notebook.symbolic.library import OTHER_TRAINERS, root_of
from nbtrain.review.facts import ReviewFacts

# Libraries that read data in their own processes, threads or formats.
PIPELINES = {
    "webdataset": "WebDataset", "nvidia.dali": "DALI", "ffcv": "FFCV", "streaming": "MosaicML Streaming",
    "petastorm": "Petastorm", "torchdata": "torchdata", "litdata": "LitData", "ray.data": "Ray Data",
    "tensorflow_datasets": "TensorFlow Datasets", "squirrel": "Squirrel",
}  # fmt: skip
RL_LIBRARIES = ("gym", "gymnasium", "stable_baselines3", "tianshou", "pettingzoo", "torchrl", "rllib")


def handoffs(facts: ReviewFacts) -> list[str]:
    """Return a sentence for each thing outside this review, with where to go."""
    return [*_going_run(), *_reinforcement(facts), *_architecture(facts), *_loading(facts)]


def _going_run() -> Iterator[str]:
    """A run of this kernel that trains just now: its numbers say more than its source."""
    active = sys.modules.get("nbtrain.running.active")
    for run in active.alive() if active is not None else ():
        yield (
            f"The run `{run.id}` is going: what its numbers say is for `%train diagnose {run.id}`, and "
            f"`%train status {run.id}` shows it. A review judges what has not started."
        )


def _reinforcement(facts: ReviewFacts) -> Iterator[str]:
    if facts.story.of("env-step") or facts.architecture.policy or _imported(facts, RL_LIBRARIES):
        yield (
            "Environment, rewards, exploration and replay of a reinforcement-learning set-up: "
            "`gymnasium.utils.env_checker.check_env(env)` tests the environment; a learning curve over "
            "several seeds tells whether the agent learns, one does not."
        )


def _architecture(facts: ReviewFacts) -> Iterator[str]:
    names = [one.name for one in facts.story.models] or [one.name for one in facts.held.models]
    if names:
        known = f"`{names[0]}`" if len(set(names)) == 1 else "the networks here"
        yield (
            f"Whether the architecture of {known} suits the task: `%train inspect NAME` shows layers, shapes "
            "and parameters, `%train estimate` the memory; a smaller known network on the same data is the "
            "usual yardstick."
        )


def _loading(facts: ReviewFacts) -> Iterator[str]:
    found = _imported(facts, tuple(PIPELINES))
    workers = any(_several(event.subject) for event in facts.story.made("loader"))
    if found or workers:
        what = (
            PIPELINES.get(found, "worker processes and storage") if found else "worker processes and storage"
        )
        yield (
            f"How fast the data arrive ({what}): `%%train_review --probe` shows the time split between "
            "loader and compute, `torch.profiler` shows where a slow loader waits."
        )


def _several(loader: object) -> bool:
    held = getattr(loader, "kwargs", {}).get("num_workers")
    value = getattr(held, "value", None)
    return isinstance(value, int) and value > 0


def _imported(facts: ReviewFacts, names: tuple[str, ...]) -> str:
    """The first of these libraries that the source imports, or ""."""
    for name in names:
        if name in facts.words and re.search(
            rf"^\s*(?:import|from)\s+{re.escape(name)}\b", facts.words, re.MULTILINE
        ):
            return name
    return ""


def nothing_trains(facts: ReviewFacts) -> bool:
    """Whether a source holds nothing to judge: no step, optimizer, loader, model or live object."""
    if facts.source is None or facts.source.broken:
        return False
    story = facts.story
    parts = story.made("optimizer", "scheduler", "loader", "module", "other-trainer", "hf-arguments", "loss")
    seen = facts.trainings or facts.optimizers or facts.loaders or facts.held.models or facts.held.schedulers
    return not (parts or seen or story.models or story.passes or story.of("forward") or story.of("backward"))


def trainer_of(facts: ReviewFacts) -> tuple[str, int] | None:
    """The library that takes the training steps out of sight, with the line; None without one."""
    for other in facts.story.made("other-trainer"):
        return OTHER_TRAINERS[root_of(other.data["path"])], other.line
    return None
