"""Whether the loss of a run should fall at all: in reinforcement learning, and between adversaries, it need
not. Told from the names of the columns.
"""

from __future__ import annotations

from collections.abc import Iterable

from nbtrain.diagnose.columns import telling_words, words_of

_REWARD = {"reward", "rew"}
_SPREAD = {"std", "min", "max"}  # of a reward: behind its name
_POLICY = {"policy", "actor"}
_GENERATOR = {"g", "gen", "generator"}
_JUDGE = {"d", "disc", "discriminator", "critic"}


def why_no_aim(columns: Iterable[str]) -> str:
    """Return why the loss of a run with these columns says little of its progress, as a clause; "" where it
    should fall.

    A reward beside it, or the loss of a policy, is reinforcement learning: its data change with the model.
    The accuracy or the loss of a model of rewards (`val_reward_acc`) is no reward.
    The losses of a generator and of its discriminator rise where the other one gets better.
    """
    columns = list(columns)
    words = [set(words_of(name)) for name in columns]
    losses = [found for found in words if "loss" in found]
    if any(map(_is_reward, columns)) or any(found & _POLICY for found in losses):
        return "reinforcement learning: its loss need not fall while the policy gets better"
    if any(found & _GENERATOR for found in losses) and any(found & _JUDGE for found in losses):
        return "adversaries: the loss of one rises where the other gets better"
    return ""


def _is_reward(name: str) -> bool:
    told = [word for word in telling_words(name) if word not in _SPREAD and not word.isdigit()]
    return bool(told) and told[-1] in _REWARD
