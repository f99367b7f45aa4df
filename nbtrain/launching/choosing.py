"""Which of the things in a folder a request means."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from nbtrain.errors import UsageError
from nbtrain.launching.found import CONFIG_FLAGS, Config, Found, Script, words_of
from nbtrain.launching.request import Request

CLOSE = 0.86  # likeness from which a word counts as a slip of another
IN_THE_NAME = 0.25  # what a word counts more for in a file's name than within the file


@dataclass(frozen=True)
class Candidate:
    """A training that could be meant: a configuration of ours, or a script with or without a
    configuration.
    """

    config: Config | None
    script: Script | None
    score: float = 0.0
    missing: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """What it is, in a few words."""
        parts = [one.path.as_posix() for one in (self.script, self.config) if one is not None]
        return " with ".join(parts)


def choose(request: Request, found: Found) -> Candidate:
    """Return what is meant.

    Raises:
        UsageError: there is nothing to train, nothing that the words speak of, or several alike.
    """
    candidates = [_scored(one, request) for one in _candidates(found)]
    if not candidates:
        broken = next((one for one in found.configs if one.wrong), None)
        wrong = f" {broken.path} is one, with an error: {broken.wrong}" if broken else ""
        raise UsageError(
            f"Nothing in {found.folder} can be trained: no configuration and no training script.{wrong}",
            suggestion="`validate --new baseline > baseline.yaml` writes a configuration to begin with.",
        )
    best = max(one.score for one in candidates)
    if request.words and best <= 0:
        listed = ", ".join(f"`{one.said}`" for one in candidates[:6])
        raise UsageError(
            f"Nothing here speaks of {', '.join(request.words[:5])}.", suggestion=f"There are: {listed}."
        )
    top = [one for one in candidates if one.score >= best - 1e-9]
    if len(top) > 1:
        ours = [one for one in top if one.script is None]
        if len(ours) == 1:  # a script and its configuration are one thing: nbtrain trains what it can
            return ours[0]
        listed = ", ".join(f"`{one.said}`" for one in top[:6])
        raise UsageError(
            f"{len(top)} trainings could be meant: {listed}.",
            suggestion="Say more, for example the file's name.",
        )
    return top[0]


def _candidates(found: Found) -> list[Candidate]:
    ours = [Candidate(one, None) for one in found.configs if one.ours]
    with_script = []
    for script in found.scripts:
        takes = any(script.flags.get(flag) for flag in CONFIG_FLAGS)
        with_script += [Candidate(config, script) for config in found.configs] if takes else []
        if not takes or not found.configs:
            with_script.append(Candidate(None, script))
    return [*ours, *with_script]


def _scored(one: Candidate, request: Request) -> Candidate:
    config = one.config.words if one.config else frozenset()
    script = one.script.words if one.script else frozenset()
    missing = [word for word in request.words if not (_has(config, word) or _has(script, word))]
    named = frozenset().union(*(words_of(part.path.as_posix()) for part in (one.config, one.script) if part))
    score = float(len(request.words) - len(missing))
    score += IN_THE_NAME * sum(_has(named, word) for word in (*request.words, request.mode or "") if word)
    if one.config is not None and one.script is not None:
        # a script takes any configuration: it is meant where it is named, or where ours cannot be
        meant = any(word in (one.script.path.name.lower(), one.script.path.stem) for word in request.words)
        score += 0.5 * meant - 0.25 - 0.01 * _distance(one.config.path, one.script.path)
    return Candidate(one.config, one.script, score, tuple(missing))


def _has(words: frozenset[str], word: str) -> bool:
    if word in words:
        return True
    return len(word) > 3 and bool(difflib.get_close_matches(word, words, n=1, cutoff=CLOSE))


def _distance(one: Path, other: Path) -> int:
    return 0 if one.parent == other.parent else 1
