"""Read an exception out of text: tracebacks of Python and IPython, chains, groups, a message alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from nbtrain.explain.raised import Place, Raised

MOST_READ = 2_000_000  # characters; of a longer text its end is read, where the last error is
_MOST_OF_A_MESSAGE = 20_000
_MOST_BARE_LINES = 1_000  # in which a message without its type is looked for

_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
# What launchers, loggers, pytest and exception groups put before a line.
_PREFIX = re.compile(r"^(?:\[(?:rank|default)\d+\]:(?!\[) ?|E {3,}(?=\S)|\s*[|+] (?= *\S)|\s*\|$)")
_MEMBER = re.compile(r"^\s*(?:\+-)?\+-{6,}(?: \d+ -{6,})?\s*$|^\s*\+-+ \.\.\. -+$")
_HEADER = re.compile(
    r"^(?:(?P<kind>(?!Original |Exception )[A-Za-z_][\w.]*)\s{2,})?(?:.*\b)?"
    r"Traceback \(most recent call last\)"
)
_CAUSE = "The above exception was the direct cause of the following exception"
_CONTEXT = "During handling of the above exception, another exception occurred"
_FRAMES = (
    re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$'),
    re.compile(r"^\s*File (?P<file>[^\"\n]+?):(?P<line>\d+)(?:,? in (?P<function>[^(]+).*)?$"),
    re.compile(r"^\s*(?P<file>Cell In ?\[[\d ]*\]),? line (?P<line>\d+)(?:,? in (?P<function>[^(]+).*)?$"),
    re.compile(r"^(?:Input )(?P<file>In \[[\d ]*\]), in (?P<function><cell line: (?P<line>\d+)>|[^(]+).*$"),
    re.compile(r"^(?P<file>\S.*?\.pyx?|<ipython-input-[^>]*>) in (?P<function>[^(]+).*$"),
    re.compile(r"^[│|] (?P<file>\S+\.py):(?P<line>\d+) in (?P<function>\S+) +[│|]$"),
)
_ARROW = re.compile(r"^(?:-+> ?|[│|] ❱ )(?P<line>\d+)[ │]+(?P<code>.*?)[ │|]*$")
_ERROR = re.compile(r"^(?P<kind>[A-Za-z_][\w.]*)(?:\[[^\]\n]*\])?(?::(?: (?P<text>.*))?)?$")
_ENDED = re.compile(r"^-{20,}$|^╭─+ Traceback|^'''$|^\"\"\"$")
# An error's line where no traceback is: its type has to look like one.
_ALONE = re.compile(
    r"^(?P<full>(?:[\w.]+\.)?(?P<kind>_?[A-Z]\w*(?:Error|Exception|Interrupt|Timeout))"
    r"|(?:[a-z_]\w*\.)+(?P<dotted>[A-Z]\w+)(?=:))"
    r"(?:: (?P<text>.*))?$"
)
# Those who start processes say only that one has failed; its own traceback stands before.
_LAUNCHERS = {
    "ChildFailedError", "ProcessRaisedException", "ProcessExitedException", "SystemExit", "KeyboardInterrupt",
    "CalledProcessError", "SignalException",
}  # fmt: skip
_BEFORE_MESSAGE = re.compile(
    r"^(?:.*?\b(?:ERROR|FATAL|what\(\)):|(?:\[rank\d+\]:)?\[E[^\]]*\]|\S+\.cu:\d+:.*?(?=Assertion))\s*"
)
_ASSERTION = re.compile(r"Assertion `.*` failed")


@dataclass
class _Part:
    """One error while it is read. `link`: how it came from the one before; `inside`: told in its message."""

    kind: str = ""
    full: str = ""  # with its module, as the text says it
    lines: list[str] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    link: str = ""
    inside: bool = False
    told: bool = False  # its message has begun


def read_text(text: str, known: Callable[[Raised], bool]) -> Raised | None:
    """Return the last error of a text, with what it came from; None where there is none.

    Args:
        known: says whether a pattern knows a message; one without its type counts only then.
    """
    text = _ANSI.sub("", text[-MOST_READ:]).replace("\r\n", "\n").replace("\r", "\n").expandtabs(8)
    groups: list[list[str]] = [[]]
    for line in text.split("\n"):
        if _MEMBER.match(line):
            groups.append([])
        else:
            groups[-1].append(_PREFIX.sub("", line))
    chains = [_chains(lines) for lines in groups]
    firsts = chains[0]
    members = tuple(chain[-1] for chain in chains[1:] if chain)
    if members:
        whole = firsts[-1] if firsts else members[-1]
        return Raised(whole.kind, whole.text, whole.places, whole.kinds, whole.cause, members=members)
    if not firsts:
        return _bare(groups[0], known)
    last = firsts[-1]
    if last.kind in _LAUNCHERS and len(firsts) > 1:
        last = firsts[0]
    return _with_assertion(last, groups[0])


def _chains(lines: list[str]) -> list[Raised]:
    """Return the errors of some lines, each with those that it came from."""
    made: list[Raised] = []
    waiting: list[_Part] = []  # outer errors whose message holds the traceback of the next
    parts = list(_parts(lines))
    for at, part in enumerate(parts):
        if at + 1 < len(parts) and parts[at + 1].inside:
            waiting.append(part)
            continue
        raised = _frozen(part, made)
        while waiting:
            outer = waiting.pop()
            raised = Raised(
                outer.kind, _message(outer), tuple(outer.places), frozenset({outer.full}), raised,
                context=made.pop() if outer.link == "context" and made else None,
            )  # fmt: skip
        made.append(raised)
    return made


def _frozen(part: _Part, made: list[Raised]) -> Raised:
    before = made.pop() if part.link and made else None
    text = _message(part)
    return Raised(
        part.kind, text, (*part.places, *places_in(text)), frozenset({part.full}),
        cause=before if part.link == "cause" else None, context=before if part.link == "context" else None,
    )  # fmt: skip


def _message(part: _Part) -> str:
    text = "\n".join(part.lines).strip()
    return text if len(text) <= _MOST_OF_A_MESSAGE else text[: _MOST_OF_A_MESSAGE - 5_000] + text[-5_000:]


def _parts(lines: list[str]) -> Iterator[_Part]:
    """Yield the errors in the order of the text."""
    part: _Part | None = None
    link = ""
    for line in lines:
        header = _HEADER.match(line)
        if header is not None:
            inside = part is not None and part.told and "Original Traceback" in line
            if part is not None and part.told:
                yield part
            part = _Part(kind=_short(header["kind"] or ""), link="" if inside else link, inside=inside)
            link = ""
        elif _CAUSE in line or _CONTEXT in line:
            if part is not None and part.told:
                yield part
            part, link = None, "cause" if _CAUSE in line else "context"
        elif part is not None and _ENDED.match(line):
            if part.told:
                yield part
                part = None
        elif part is not None and part.told and not _another(line, part):
            part.lines.append(line)
        elif part is not None and not part.told and _in_traceback(line, part):
            continue
        elif (alone := _ALONE.match(line)) is not None:
            if part is not None and part.told:
                yield part
            part = _Part(
                alone["kind"] or alone["dotted"], alone["full"], [alone["text"] or ""], link=link, told=True
            )
            link = ""
    if part is not None and part.told:
        yield part


def _another(line: str, part: _Part) -> bool:
    """True where a line that follows a message begins an error of its own."""
    return bool(_ALONE.match(line)) and not part.places


def _in_traceback(line: str, part: _Part) -> bool:
    """Take a line between a traceback's header and its message; False where it is none."""
    for pattern in _FRAMES:
        if (found := pattern.match(line)) is not None:
            told = found.groupdict()
            number, function = int(told.get("line") or 0), (told.get("function") or "").strip()
            part.places.append(Place(told["file"].strip(), number, function))
            return True
    if part.places and (arrow := _ARROW.match(line)) is not None:
        last = part.places[-1]
        part.places[-1] = Place(last.file, int(arrow["line"]), last.function, arrow["code"].strip())
        return True
    error = _ERROR.match(line)
    if error is not None and (not part.kind or _short(error["kind"]) == part.kind):
        part.kind, part.full, part.told = _short(error["kind"]), error["kind"], True
        part.lines.append(error["text"] or "")
        return True
    if part.places and not part.places[-1].code and line[:4].isspace() and line.strip(" ^~"):
        last = part.places[-1]
        part.places[-1] = Place(last.file, last.line, last.function, line.strip())
    return True


def places_in(text: str) -> tuple[Place, ...]:
    """Return the frames that a message tells of itself, as torch.compile does below `from user code`."""
    _, _, told = text.partition("from user code:")
    part = _Part()
    for line in told.split("\n")[:200]:
        if line.strip() and not line[0].isspace():
            break
        _in_traceback(line, part)
    return tuple(part.places)


def _short(kind: str) -> str:
    return kind.rpartition(".")[2]


def _bare(lines: list[str], known: Callable[[Raised], bool]) -> Raised | None:
    """Return a message that stands without its type, where a pattern knows it."""
    lines = [line for line in lines if line.strip()][-_MOST_BARE_LINES:]
    for at, line in enumerate(lines):
        stripped = _BEFORE_MESSAGE.sub("", line.strip(), count=1)
        raised = Raised("", "\n".join((stripped, *lines[at + 1 : at + 40])))
        if known(raised):
            return raised
    return None


def _with_assertion(raised: Raised, lines: list[str]) -> Raised:
    """Put beside a CUDA error what the kernel said elsewhere in the text."""
    if "device-side assert" not in raised.text or _ASSERTION.search(raised.text):
        return raised
    said = next((found[0] for line in lines if (found := _ASSERTION.search(line))), "")
    return Raised(
        raised.kind, f"{raised.text}\n{said}", raised.places, raised.kinds, raised.cause, raised.context
    ) if said else raised  # fmt: skip
