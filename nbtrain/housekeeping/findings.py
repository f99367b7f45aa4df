"""One thing that lies about, and the command that removes it."""

from __future__ import annotations

import os
import shlex
import unicodedata
from dataclasses import dataclass
from pathlib import Path

# kind -> (heading, what it is)
KINDS = {
    "leftover": ("Left by a crash", "Saves and runs that were broken off. Nothing reads them."),
    "orphan": ("Checkpoints without a run", "In no run's folder. One may be the only copy of a model."),
    "no-manifest": ("Runs without a manifest", "They look like runs, and nothing can be read of them."),
    "failed": ("Failed runs", "Failed or diverged, or broken off before the first checkpoint."),
    "duplicate": ("Duplicates", "The same bytes as another file, which is named."),
    "large": ("Large files", "Not known to be superfluous; only large."),
}  # fmt: skip


_UNSEEN = (
    "Cc",
    "Cf",
    "Cs",
    "Co",
    "Cn",
    "Zl",
    "Zp",
)  # categories of letters that do not show as what they are


@dataclass(frozen=True)
class Litter:
    """A file or folder that lies about.

    Attributes:
        kind: one of KINDS. path: absolute. n_bytes: with everything below it. why: what is known of it.
        folder: it is a folder.
    """

    kind: str
    path: Path
    n_bytes: int
    why: str
    folder: bool = False

    def command(self, root: Path) -> str:
        """Return what removes it, typed in `root`, quoted for a POSIX shell whatever its name is."""
        named = self.path.relative_to(root).as_posix() if self.path.is_relative_to(root) else str(self.path)
        quoted = shlex.quote(named)
        if any(unicodedata.category(letter) in _UNSEEN for letter in named):
            # shown on one line and pasted as one: bash, zsh and ksh read $'...'
            quoted = "$'" + "".join(map(_escaped, os.fsencode(named))) + "'"
        return f"rm {'-r ' if self.folder else ''}-- {quoted}"

    def shown(self, root: Path) -> str:
        """Return its path below `root` as a text that can be written anywhere."""
        named = self.path.relative_to(root) if self.path.is_relative_to(root) else self.path
        return os.fsencode(named).decode("utf-8", "backslashreplace")


def _escaped(byte: int) -> str:
    if byte in b"\\'":
        return "\\" + chr(byte)
    return chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}"
