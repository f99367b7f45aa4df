"""Names of runs and paths below a run's folder, made safe. Knows nothing of what is in them."""

from __future__ import annotations

import hashlib
import re
import unicodedata
import uuid
from datetime import datetime
from pathlib import Path

from nbtrain.errors import RunFolderError

SLUG_CHARS = 80
RUN_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,149}")
# names Windows keeps for devices, with or without an ending
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def slug(name: str) -> str:
    """Return a name that is a safe file name everywhere: letters, digits, `.`, `_`, `-`, at most 80
    characters.

    A name that had to be changed ends with a short hash of the original, so that two of them stay apart; the
    original is kept in the manifest. An empty name is `run`.
    """
    name = str(name)
    if not name.strip():
        return "run"
    ascii_text = unicodedata.normalize("NFKD", name[:1000]).encode("ascii", "ignore").decode()
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", ascii_text)
    safe = re.sub(r"\.{2,}", ".", safe).strip("-._")
    if _DEVICES.fullmatch(safe):
        safe = f"run-{safe}"
    if safe == name and len(safe) <= SLUG_CHARS:
        return safe
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=3).hexdigest()
    return f"{safe[: SLUG_CHARS - 7].rstrip('-._') or 'run'}-{digest}"


def new_run_id(name: str, *, now: datetime | None = None) -> str:
    """Return `<name>-<yyyymmdd-hhmmss>-<4 hex>`, in local time, safe as a folder's name."""
    now = now or datetime.now()
    return f"{slug(name)}-{now:%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:4]}"


def is_run_id(text: str) -> bool:
    """True for what `new_run_id` may return: no separators, no dots in front, no other signs."""
    return RUN_ID.fullmatch(text) is not None and ".." not in text


def inside(folder: Path, relative: str | Path) -> Path:
    """Return the path `relative` below `folder`.

    Raises:
        RunFolderError: it would lie outside (`..`, an absolute path, a link that leads out).
    """
    text = str(relative)
    if not text or "\0" in text or Path(text).is_absolute():
        raise RunFolderError(
            f"{text!r:.80} is no path inside the run folder.", suggestion="Give a relative path."
        )
    path = folder / text
    if not path.resolve().is_relative_to(folder.resolve()) or path.resolve() == folder.resolve():
        raise RunFolderError(
            f"{text!r:.80} lies outside the run folder {folder}.",
            suggestion="Give a path inside it.",
            path=text,
        )
    return path
