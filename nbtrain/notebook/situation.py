"""Situations in which other numbers are usual than in supervised training from scratch, told from evidence.

Each says what showed it and what it changes. Sources: fine-tuning: Devlin et al. 2019 (2e-5 to 5e-5), Howard
and Ruder 2018; vision with SGD: Goyal et al. 2017 (0.1 for 256 images, in proportion); GAN: Radford et al.
2016 (2e-4, beta1 0.5), Heusel et al. 2017 (two rates); RL: Henderson et al. 2018; diffusion: Ho et al. 2020
(constant 2e-4 with EMA), Dhariwal and Nichol 2021 (1e-4); pre-training: Brown et al. 2020, Touvron et al.
2023 (betas 0.9 and 0.95, warm-up, cosine).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from nbtrain.notebook.facts import Architecture, OptimizerFact
from nbtrain.notebook.story import Story

FINE_TUNING, VISION, GAN, RL = "fine-tuning", "vision-sgd", "gan", "reinforcement-learning"
DIFFUSION, PRETRAINING = "diffusion", "llm-pretraining"
NOISING = re.compile(
    r"\b(alphas?_(?:bar|cumprod|prod)\w*|DDPMScheduler|DDIMScheduler|EulerDiscreteScheduler|q_sample|noise_scheduler|"
    r"GaussianDiffusion|\w*alphas_cumprod\w*)\b"
)
NOISE_SIGNS = ("alpha", "Scheduler", "q_sample", "noise_scheduler", "GaussianDiffusion")
CAUSAL = re.compile(
    r"is_causal\s*=\s*True|\btorch\.tri[lu]\b|\btri[lu]\(|generate_square_subsequent_mask|CausalLM|\bGPT\w*|"
    r"causal_mask|decoder-only"
)
TWO_SIDED = re.compile(
    r"nn\.Transformer\(|\btgt\b|encoder_decoder|Seq2Seq"
)  # a translator, not a language model
TOKENS = re.compile(r"vocab_size|n_vocab|ntokens?\b|vocab\b", re.IGNORECASE)
GENERATOR = re.compile(r"(?:^|_|\bnet)(gen|generator|g)(?:$|_|\d)|generator|^netg$|^opt\w*g$", re.IGNORECASE)
JUDGE = re.compile(
    r"(?:^|_)(disc|discriminator|critic|d)(?:$|_|\d)|discriminator|critic|^netd$|^opt\w*d$", re.IGNORECASE
)
RL_LIBRARIES = re.compile(
    r"^\s*(?:import|from)\s+(gym|gymnasium|stable_baselines3|tianshou|pettingzoo|torchrl)\b", re.MULTILINE
)


@dataclass(frozen=True)
class Situation:
    """`id`: one of this module's; `name`: as people say it; `evidence`: what showed it; `changes`: what is
    judged otherwise, as a sentence."""

    id: str
    name: str
    evidence: str
    changes: str


@dataclass(frozen=True)
class _Seen:
    story: Story
    architecture: Architecture
    optimizers: tuple[OptimizerFact, ...]
    words: str


def situations_of(
    story: Story, architecture: Architecture, optimizers: Iterable[OptimizerFact], words: str
) -> tuple[Situation, ...]:
    """Return the situations that a source shows.

    Args:
        words: the source without its comments.
    """
    seen = _Seen(story, architecture, tuple(optimizers), words)
    found = []
    for one, name, evidence, changes in KNOWN:
        if said := evidence(seen):
            found.append(Situation(one, name, said, changes))
    return tuple(found)


def situation(one: str, evidence: str) -> Situation:
    """Return a situation that is known from elsewhere than a source."""
    name, changes = next((name, changes) for known, name, _, changes in KNOWN if known == one)
    return Situation(one, name, evidence, changes)


def _fine_tuning(seen: _Seen) -> str:
    if not seen.architecture.pretrained:
        return ""
    made = seen.story.made("pretrained", "torchvision-model", "transformer-model")
    line = f" (line {made[0].line})" if made else ""
    return f"the network starts from trained weights{line}"


def _vision(seen: _Seen) -> str:
    sgd = next((one for one in seen.optimizers if one.family == "sgd"), None)
    made = seen.story.made("torchvision-model", "weighted", "module")
    picture = next(
        (
            one
            for one in made
            if one.data["category"] == "torchvision-model" or one.data["path"].endswith("Conv2d")
        ),
        None,
    )
    if sgd is None or picture is None:
        return ""
    return f"SGD trains a network of images (line {picture.line})"


def _gan(seen: _Seen) -> str:
    names = {one.name.rpartition(".")[2] for one in seen.optimizers} | {one.name for one in seen.story.models}
    names |= {seen.story.name_of(event.subject) for event in seen.story.of("forward")}
    makes = sorted(one for one in names if GENERATOR.search(one))
    judges = sorted(one for one in names if JUDGE.search(one))
    if len(seen.optimizers) < 2 or not makes or not judges:
        return ""
    return f"`{makes[0]}` and `{judges[0]}` are trained against each other by optimizers of their own"


def _rl(seen: _Seen) -> str:
    steps = seen.story.of("env-step")
    if steps:
        return f"the environment is stepped on line {steps[0].line}"
    named = any(
        one in seen.words for one in ("gym", "stable_baselines3", "tianshou", "pettingzoo", "torchrl")
    )
    found = RL_LIBRARIES.search(seen.words) if named else None
    return f"`{found[1]}` is imported" if found and not steps else seen.architecture.policy


def _diffusion(seen: _Seen) -> str:
    noisy = any(sign in seen.words for sign in NOISE_SIGNS)  # quicker than the pattern on a long source
    found = NOISING.search(seen.words) if noisy else None
    return f"`{found[1]}`: noise is added by a schedule" if found else ""


def _pretraining(seen: _Seen) -> str:
    network = seen.architecture
    if not network.attention or network.pretrained or network.frozen:
        return ""
    paths = [one.data["path"] for one in seen.story.of("loss")]
    judged = any("cross_entropy" in path or "CrossEntropy" in path for path in paths)
    if not (judged or "CausalLM(" in seen.words) or TWO_SIDED.search(seen.words):
        return ""
    found = CAUSAL.search(seen.words) if TOKENS.search(seen.words) else None
    return f"a causal network over tokens, from scratch (`{found[0]}`)" if found else ""


KNOWN: tuple[tuple[str, str, Callable[[_Seen], str], str], ...] = (
    (
        RL, "Reinforcement learning", _rl,
        "Thresholds of supervised training do not apply: batch size, validation, shuffling, early stopping "
        "and long training at one rate are not judged. Order of the steps, modes and clipping are.",
    ),
    (
        GAN, "GAN", _gan,
        "Adam at 2e-4 with beta1 0.5 is usual, each network at a rate of its own; a constant rate, small "
        "batches and a loss that does not fall are not judged.",
    ),
    (
        DIFFUSION, "Diffusion", _diffusion,
        "A constant rate of 1e-4 to 2e-4 with averaged weights is usual: long training at one rate is not "
        "judged.",
    ),
    (
        FINE_TUNING, "Fine-tuning", _fine_tuning,
        "Adam rates of 1e-6 to 1e-4 are expected in place of 1e-5 to 1e-3; SGD may go below 0.001.",
    ),
    (
        PRETRAINING, "Pre-training of a language model", _pretraining,
        "Betas of 0.9 and 0.95 are expected in place of 0.9 and 0.999, rates of 1e-4 to 6e-4 with warm-up.",
    ),
    (
        VISION, "Vision with SGD", _vision,
        "Rates are recommended in proportion to the batch: 0.1 for 256 images, with momentum 0.9.",
    ),
)  # fmt: skip
