"""The proposed command: a list of arguments of one of two forms, and nothing that is none of them."""

from __future__ import annotations

import hashlib
import shlex
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbtrain.config.modes import MODES
from nbtrain.errors import UsageError
from nbtrain.launching.choosing import Candidate
from nbtrain.launching.found import CONFIG_FLAGS, EPOCH_FLAGS, RESUME_FLAGS, showable
from nbtrain.launching.request import MOST_EPOCHS, Request
from nbtrain.report.model import Block, Cell, Code, Items, KeyValues, Note, Report, Section
from nbtrain.runs.names import is_run_id

OURS = ("-m", "nbtrain", "start")


@dataclass(frozen=True)
class Proposal:
    """A command that is proposed, and not run.

    Attributes:
        argv: program and arguments. folder: where it runs. candidate: what it trains. seen: path from the
            folder -> hash of the files it stands on, as they were.
        facts: (name, value) to be shown beside it. notes: sentences.
    """

    argv: tuple[str, ...]
    folder: Path
    candidate: Candidate
    seen: dict[str, str] = field(default_factory=dict, hash=False)
    facts: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    yes: bool = False

    @property
    def command(self) -> str:
        """The command as it would be typed, quoted where a shell needs it."""
        program = "nbtrain" if self.argv[1:3] == OURS[:2] else "python"
        rest = self.argv[3:] if program == "nbtrain" else self.argv[1:]
        return " ".join([program, *map(shlex.quote, rest)])

    def report(self) -> Report:
        """Return what would be run, on what, and what is known of it."""
        blocks: list[Block] = [
            Code(self.command, "text"),
            KeyValues(tuple((n, Cell(v)) for n, v in self.facts)),
        ]
        sections = [Section("Proposed", tuple(blocks if self.facts else blocks[:1]))]
        if self.notes:
            sections.append(Section("Before you say yes", (Items(self.notes),)))
        sections.append(Section("", (Note("Nothing has been run.", tone="info"),)))
        what = self.candidate.said
        return Report(f"Train {what}", tuple(sections), f"In {self.folder}", data=self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        return {
            "argv": list(self.argv), "command": self.command, "folder": str(self.folder),
            "facts": dict(self.facts), "notes": list(self.notes),
        }  # fmt: skip

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.report()._repr_mimebundle_()

    def __str__(self) -> str:
        return self.report().to_text()


def propose(
    request: Request, candidate: Candidate, folder: Path, *, resume: str | None, facts: Sequence[tuple[str,
    str]] = (),
    notes: Sequence[str] = (),
) -> Proposal:  # fmt: skip
    """Return the command for what was chosen.

    Args:
        resume: the run's id (ours) or the checkpoint's path from the folder (a script) to go on from, or
        None.

    Raises:
        UsageError: what it would stand on is no plain file in the folder.
    """
    said = list(notes)
    said += [f"Nothing here speaks of `{word}`." for word in candidate.missing[:5]]
    if candidate.script is None:
        argv = _ours(request, candidate, resume)
    else:
        argv = _of_script(request, candidate, resume, said)
    paths = [one.path for one in (candidate.config, candidate.script) if one is not None]
    seen = {path.as_posix(): fingerprint(folder, path) for path in paths}
    found = Proposal((sys.executable, *argv), folder.resolve(), candidate, seen, tuple(facts), tuple(said))
    check(found)
    return found


def _ours(request: Request, candidate: Candidate, resume: str | None) -> list[str]:
    assert candidate.config is not None
    argv = [*OURS, "--config", word(candidate.config.path)]
    argv += ["--mode", request.mode] if request.mode else []
    argv += ["--epochs", str(request.epochs)] if request.epochs else []
    return argv + (["--resume", resume] if resume else [])


def _of_script(request: Request, candidate: Candidate, resume: str | None, said: list[str]) -> list[str]:
    script = candidate.script
    assert script is not None
    argv = [word(script.path)]
    if candidate.config is not None:
        flag = next(flag for flag in CONFIG_FLAGS if script.flags.get(flag))
        argv += [flag, word(candidate.config.path)]
    if request.epochs:
        flag = next((flag for flag in EPOCH_FLAGS if script.flags.get(flag)), "")
        argv += [flag, str(request.epochs)] if flag else []
        said += (
            []
            if flag
            else [f"{script.path} has no option for {request.epochs} epochs; its own number counts."]
        )
    if request.resume:
        flag = next((flag for flag in RESUME_FLAGS if flag in script.flags), "")
        if not flag:
            said.append(f"{script.path} has no option to resume: it begins anew.")
        elif not script.flags[flag]:
            argv.append(flag)
        elif resume:
            argv += [flag, word(Path(resume))]
    return argv


def word(path: Path) -> str:
    """Return a path as an argument that no program takes for an option."""
    text = path.as_posix()
    return f"./{text}" if text.startswith("-") else text


def fingerprint(folder: Path, path: Path) -> str:
    """Return the hash of a plain file inside the folder.

    Raises:
        UsageError: it is a link, lies outside, or is no file.
    """
    whole = folder.resolve() / path
    try:
        inside = whole.resolve().is_relative_to(folder.resolve()) and whole.resolve() == whole
        plain = inside and stat.S_ISREG(whole.lstat().st_mode)
        if plain and showable(path.as_posix()):
            return hashlib.blake2b(whole.read_bytes(), digest_size=16).hexdigest()
    except OSError:
        pass  # gone, or not to be read: as a file that is none
    raise UsageError(
        f"{path.as_posix()!r} is no plain file in {folder}.",
        suggestion="A link is not followed: name the file itself.",
    )


def check(one: Proposal) -> None:
    """Refuse a command that is not of one of the two forms, whatever it came from.

    Raises:
        UsageError: it is none, or a file it stands on is not what it was when it was proposed.
    """
    argv = list(one.argv)
    good = argv[:1] == [sys.executable] and all(isinstance(part, str) and showable(part) for part in argv)
    rest = argv[1:]
    if good and tuple(rest[:3]) == OURS:
        good = _fits(
            rest[3:], one, {"--config": "config", "--mode": "mode", "--epochs": "number", "--resume": "run"}
        )
        # Python 3.10 has no PYTHONSAFEPATH (see `running`): it would take the folder's file for nbtrain
        good = good and (sys.version_info >= (3, 11) or not (one.folder / "nbtrain.py").exists())
    elif good and one.candidate.script is not None and rest[:1] == [word(one.candidate.script.path)]:
        kinds = {**dict.fromkeys(CONFIG_FLAGS, "config"), **dict.fromkeys(EPOCH_FLAGS, "number")}
        kinds |= dict.fromkeys(RESUME_FLAGS, "checkpoint")
        known = {flag: kinds[flag] if takes else "" for flag, takes in one.candidate.script.flags.items()}
        good = rest[0].endswith(".py") and _fits(rest[1:], one, known)
    else:
        good = False
    if not good:
        raise UsageError("This is no command that trains.", suggestion="Only trainings can be run.")
    for path, before in one.seen.items():
        if fingerprint(one.folder, Path(path)) != before:
            raise UsageError(
                f"{path} has changed since it was proposed.", suggestion="Ask again, and look at it."
            )


def _fits(rest: list[str], one: Proposal, known: dict[str, str]) -> bool:
    at = 0
    while at < len(rest):
        kind = known.get(rest[at])
        if kind is None:
            return False
        if kind == "":
            at += 1
            continue
        if at + 1 >= len(rest) or not _is(kind, rest[at + 1], one):
            return False
        at += 2
    return True


def _is(kind: str, value: str, one: Proposal) -> bool:
    if kind == "number":
        return value.isascii() and value.isdigit() and 1 <= int(value) <= MOST_EPOCHS
    if kind == "mode":
        return value in MODES
    if kind == "run":
        return is_run_id(value)
    if kind == "config":
        return one.candidate.config is not None and value == word(one.candidate.config.path)
    whole = one.folder / value
    return whole.resolve() == whole and whole.resolve().is_relative_to(one.folder) and whole.exists()
