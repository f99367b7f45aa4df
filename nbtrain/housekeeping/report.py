"""What lies about, as a report: sizes, reasons, and the command that removes each. Nothing has been
removed.
"""

from __future__ import annotations

from nbtrain import units
from nbtrain.housekeeping.findings import KINDS, Litter
from nbtrain.housekeeping.looking import Looked
from nbtrain.report.model import Block, Cell, Code, Details, Note, Report, Section, Table
from nbtrain.report.plain import one_line

SHOWN = 12  # of a kind before the fold


def cleanup_report(found: Looked) -> Report:
    """Return the list as a report."""
    sections = []
    for kind, (heading, what) in KINDS.items():
        those = sorted((one for one in found.litter if one.kind == kind), key=lambda one: -one.n_bytes)
        if those:
            total = units.size(sum(one.n_bytes for one in those))
            sections.append(Section(f"{heading}: {len(those)}, {total}", _blocks(found, those, what)))
    notes = _notes(found)
    if notes:
        sections.append(Section("", tuple(Note(text) for text in notes)))
    return Report("What lies about", tuple(sections), _headline(found), data=_data(found))


def _headline(found: Looked) -> str:
    certain = [one for one in found.litter if one.kind != "large"]
    if not found.litter:
        return f"Nothing lies about in {found.root} ({units.size(found.n_bytes)})."
    total = units.size(sum(one.n_bytes for one in certain))
    return (
        f"{len(certain)} things to look at, {total} of {units.size(found.n_bytes)} in {found.root}. "
        "Nothing has been removed, and nothing will be: look at each, then run its command."
    )


def _blocks(found: Looked, those: list[Litter], what: str) -> tuple[Block, ...]:
    blocks: list[Block] = [_table(found, those[:SHOWN], what), _commands(found, those[:SHOWN])]
    if len(those) > SHOWN:
        more = (_table(found, those[SHOWN:], ""), _commands(found, those[SHOWN:]))
        blocks.append(Details(f"{len(those) - SHOWN} more", more))
    return tuple(blocks)


def _table(found: Looked, those: list[Litter], caption: str) -> Table:
    rows = tuple((Cell(_name(found, one), code=True), units.size(one.n_bytes), one.why) for one in those)
    return Table(("Path", "Size", "Why"), rows, caption, numeric=(1,))


def _commands(found: Looked, those: list[Litter]) -> Code:
    return Code("\n".join(one.command(found.root) for one in those), "text", f"in {found.root}")


def _name(found: Looked, one: Litter) -> str:
    return one_line(one.shown(found.root) + ("/" if one.folder else ""), 120)


def _notes(found: Looked) -> list[str]:
    notes = []
    if found.alive:
        notes.append(f"{len(found.alive)} run{'s' * (len(found.alive) != 1)} at work left out.")
    if found.unread:
        notes.append(f"{found.unread} folders could not be looked into.")
    if found.cut:
        notes.append("There are too many files to see them all: give a folder below this one.")
    return notes


def _data(found: Looked) -> dict[str, object]:
    listed = [
        {"kind": one.kind, "path": one.shown(found.root), "bytes": one.n_bytes, "why": one.why,
         "command": one.command(found.root)}
        for one in found.litter
    ]  # fmt: skip
    return {"folder": str(found.root), "found": listed, "bytes": found.n_bytes, "deleted": []}
