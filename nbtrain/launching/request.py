"""What a person asks for, in words: what is refused, the words that choose, and the numbers."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from nbtrain.errors import UsageError

MOST_LETTERS = 500
MOST_EPOCHS = 1_000_000
_OPERATORS = re.compile(r"[;|&<>`\\]|\$[({\w]|\.\./|[\r\n\0]")
# commands that are none of ours; a request that holds one asks for something else
_OTHER_COMMANDS = frozenset("""
    rm rmdir mv cp dd chmod chown sudo su doas kill pkill killall shutdown reboot halt poweroff mkfs
    fdisk curl wget ssh scp rsync telnet nc bash sh zsh fish powershell cmd del eval exec source
    export pip conda apt apt-get yum brew git docker kubectl systemctl crontab nohup tee xargs find
    sed awk perl ruby node make mount umount truncate shred unlink ln env chroot tar unzip vim touch
    cat ls less tail busybox
""".split())  # noqa: SIM905 - a list of words to be read
# of these, English too: commands only where a verb stands
_ENGLISH_TOO = frozenset("""
    find make source eval env node fish su cat less tail touch
""".split())  # noqa: SIM905
# what else a person may want done, where a verb stands
_OTHER_DEEDS = frozenset("""
    delete remove erase wipe destroy overwrite format drop install uninstall download upload rename
    move copy open print show list stop pause cleanup deploy
""".split())  # noqa: SIM905
_BEFORE_A_VERB = frozenset(["and", "then", "also", "please", "nbtrain", "now"])
_SAID_IN_PASSING = frozenset("""
    a an and at by begin can for from go i in it its me model models my now of on please run start
    the this to train training with let us want would like again data dataset using use new network
    net neural one our epoch epochs resume continue checkpoint last latest baseline optimization
    production mode seed nbtrain
""".split())  # noqa: SIM905
_TO_REMOVE = frozenset(
    ["rm", "rmdir", "unlink", "shred", "delete", "remove", "erase", "wipe", "destroy", "cleanup"]
)
_OURS = re.compile(r"\.(?:ya?ml|json|py)$")  # a file: a command only as a verb
# a number of epochs, right or wrong; `resnet18`, which begins with a letter, is none
_NUMBER = r"(?!['\"(]*[^\W\d])(\S*\d\S*)"
_EPOCHS = re.compile(rf"(?<!\S){_NUMBER}\s+epochs?\b", re.IGNORECASE)
_EPOCHS_BEFORE = re.compile(rf"\bepochs(?:\s*[:=]\s*|\s+){_NUMBER}", re.IGNORECASE)  # epochs 5, epochs=5
_STOP_AFTER = re.compile(r"(?<=\S\s)stop\s+after\s+(?=\S*\d\S*\s+epochs?\b)")  # how long, and no deed
_RESUME = re.compile(
    r"\b(?:resume|continue|go on|carry on|from (?:the )?(?:last|latest) checkpoint)\b", re.IGNORECASE
)
_MODE = re.compile(r"\b(baseline|optimization|production)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Request:
    """A request.

    Attributes:
        text: as it was said. words: those that choose, in small letters. epochs, mode: None where not said.
        resume: it asks to go on from a checkpoint.
    """

    text: str
    words: tuple[str, ...]
    epochs: int | None = None
    mode: str | None = None
    resume: bool = False


def read_request(text: str) -> Request:
    """Return what a text asks for.

    Raises:
        UsageError: it is empty or too long, holds operators of a shell, or asks for another command.
    """
    if not isinstance(text, str) or not text.strip():
        raise UsageError(
            "There is no request.", suggestion='For example: command "train the transformer on tinystories"'
        )
    if len(text) > MOST_LETTERS:
        raise UsageError(f"The request has {len(text):,} letters; at most {MOST_LETTERS} are read.")
    hidden = [letter for letter in text if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co")]
    operator = _OPERATORS.search(text)
    if hidden or operator:
        sign = repr(hidden[0]) if hidden else f"`{operator.group()}`" if operator else ""
        raise UsageError(
            f"The request holds {sign}. `command` proposes trainings and nothing else; it knows no shell.",
            suggestion="Say what is to be trained, in words.",
        )
    plain = unicodedata.normalize("NFKC", text).lower()
    if _OPERATORS.search(plain):
        raise UsageError(
            "The request holds signs of a shell.", suggestion="Say what is to be trained, in words."
        )
    plain = _STOP_AFTER.sub("for ", plain)
    tokens = re.findall(r"[\w.+-]+", plain)
    verbs = [at == 0 or tokens[at - 1] in _BEFORE_A_VERB for at in range(len(tokens))]
    other = [word for word, verb in zip(tokens, verbs, strict=True) if _is_command(word, verb=verb)]
    if other:
        raise UsageError(
            f"`{other[0]}` is not something `command` can do: it proposes trainings and nothing else.",
            suggestion="What lies about is listed by `cleanup`; removing it is up to you."
            if other[0] in _TO_REMOVE
            else "Say what is to be trained, in words.",
        )
    epochs = _epochs_of(plain)
    mode = _MODE.search(plain)
    words = dict.fromkeys(word.strip(".") for word in tokens)
    chosen = tuple(
        word for word in words if word not in _SAID_IN_PASSING and not word.isdigit() and word.strip("-+.")
    )
    return Request(
        text,
        chosen,
        epochs,
        mode[1] if mode else None,
        bool(_RESUME.search(plain)),
    )


def _epochs_of(plain: str) -> int | None:
    said = _EPOCHS.findall(plain) or _EPOCHS_BEFORE.findall(plain)
    found = list(dict.fromkeys(one.strip("'\"()") for one in said))
    if not found:
        return None
    wrong = [one for one in found if not (one.isdecimal() and 1 <= int(one) <= MOST_EPOCHS)]
    if wrong:
        raise UsageError(f"{wrong[0]} epochs: it must be a whole number in digits, 1 to {MOST_EPOCHS}.")
    if len(found) > 1:
        raise UsageError(
            f"{' and '.join(found)} epochs are asked for.", suggestion="Say one number of epochs."
        )
    return int(found[0])


def _is_command(word: str, *, verb: bool) -> bool:
    word = word.strip(".")
    if _OURS.search(word) and not verb:
        return False
    name = word.partition(".")[0]
    return (name in _OTHER_COMMANDS and (verb or name not in _ENGLISH_TOO)) or (verb and name in _OTHER_DEEDS)
