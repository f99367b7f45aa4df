"""A row of JSON -> a text, and which parts of it are predicted: plain texts, prompt and completion, chats."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from nbtrain.configured.language.pretrained import Base
from nbtrain.configured.readers.samples import bad_data
from nbtrain.errors import InvalidConfig

PROMPTS = ("prompt", "instruction", "question")
COMPLETIONS = ("completion", "response", "answer", "output")
CHATS = ("messages", "conversations")
_ROLES = {"human": "user", "gpt": "assistant", "bot": "assistant", "model": "assistant"}


class Document(NamedTuple):
    """A text to learn from.

    Attributes:
        text: the whole of it. asked: (start, end) of the parts that are answers, in characters.
        rendered: a chat template has put the special tokens in, so that the tokenizer adds none.
    """

    text: str
    asked: tuple[tuple[int, int], ...]
    rendered: bool = False


class Question(NamedTuple):
    """What a model is given to write on from, and what stands in the data there."""

    text: str
    expected: str
    rendered: bool = False


@dataclass(frozen=True)
class Layout:
    """How a row is read.

    Attributes:
        name: in words. document: row -> text. question: row -> what a sample completion begins with.
        has_answers: some parts of a text are answers, others are not.
    """

    name: str
    document: Callable[[Mapping[str, Any]], Document]
    question: Callable[[Mapping[str, Any]], Question]
    has_answers: bool


def layout_of(row: Mapping[str, Any], base: Base, path: Path) -> Layout:
    """Tell the layout by the keys of a file's first row.

    Raises:
        InvalidConfig: it is none; names what is there. UsageError: a chat, and a tokenizer without template.
    """
    if key := _first(CHATS, row):
        if not base.tokenizer.chat_template:
            raise bad_data(
                str(path), f"texts, or prompts and completions: the tokenizer of {base.name} has no chat "
                f"template, by which `{key}` would become a text",
                "Take a model that was made for chats, or give `data.chat_template`: a file of Jinja.",
            )  # fmt: skip
        chat = _Chats(key, base)
        return Layout(f"chats (`{key}`)", chat.document, chat.question, True)
    prompt, completion = _first(PROMPTS, row), _first(COMPLETIONS, row)
    if prompt and completion:
        pair = _Pairs(prompt, completion)
        return Layout(f"`{prompt}` and `{completion}`", pair.document, pair.question, True)
    if "text" in row:
        return Layout("plain texts", _text, _beginning, False)
    shown = ", ".join(f"`{key}`" for key in list(row)[:10]) or "nothing"
    raise bad_data(
        f"{path}, line 1", '{"text": ...}, {"prompt": ..., "completion": ...} or {"messages": [...]}',
        f"It has {shown}.", line=1,
    )  # fmt: skip


def _first(names: Sequence[str], row: Mapping[str, Any]) -> str | None:
    return next((name for name in names if name in row), None)


class _Refused(ValueError):
    """What is wrong with a row; whoever reads the file says in which line."""

    def __init__(self, expected: str, suggestion: str) -> None:
        super().__init__(expected)
        self.suggestion = suggestion


def refused(error: ValueError, path: Path, number: int) -> InvalidConfig | None:
    """Return the error for a row that its layout refuses, None for any other error."""
    if not isinstance(error, _Refused):
        return None
    return bad_data(f"{path}, line {number}", str(error), error.suggestion, line=number)


def _string(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str):
        raise _Refused(f"`{key}` with a text", f"It is {value!r:.60}." if key in row else "It is absent.")
    return value


def _text(row: Mapping[str, Any]) -> Document:
    text = _string(row, "text")
    return Document(text, ((0, len(text)),))


def _beginning(row: Mapping[str, Any]) -> Question:
    words = _string(row, "text").split(" ")
    half = max(1, min(12, len(words) // 2))
    return Question(" ".join(words[:half]), " ".join(words[half : half + 40]))


class _Pairs:
    """Prompt and completion, one after the other as they stand."""

    def __init__(self, prompt: str, completion: str) -> None:
        self._prompt, self._completion = prompt, completion

    def document(self, row: Mapping[str, Any]) -> Document:
        prompt, completion = _string(row, self._prompt), _string(row, self._completion)
        return Document(prompt + completion, ((len(prompt), len(prompt) + len(completion)),))

    def question(self, row: Mapping[str, Any]) -> Question:
        return Question(_string(row, self._prompt), _string(row, self._completion))


class _Chats:
    """Messages, put together by the tokenizer's chat template."""

    def __init__(self, key: str, base: Base) -> None:
        self._key, self._tokenizer = key, base.tokenizer

    def _messages(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        said = row.get(self._key)
        if not isinstance(said, list) or not said or not all(isinstance(one, dict) for one in said):
            raise _Refused(
                f"`{self._key}` with a list of messages",
                'A message is {"role": "user", "content": "..."}.',
            )
        messages = []
        for one in said:
            role, content = one.get("role", one.get("from")), one.get("content", one.get("value"))
            if not isinstance(role, str) or not (isinstance(content, str) or one.get("tool_calls")):
                raise _Refused(
                    "messages with `role` and `content`, both texts",
                    f"One has {', '.join(one) or 'nothing'}.",
                )
            rest = {key: value for key, value in one.items() if key not in ("from", "value")}
            messages.append({**rest, "role": _ROLES.get(role, role), "content": content or ""})
        return messages

    def _rendered(self, messages: list[dict[str, Any]], *, asks: bool = False) -> str:
        try:
            return self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=asks)
        except Exception as error:  # a template raises what it likes about roles that do not alternate
            raise _Refused(
                "messages that the chat template takes", f"It says: {str(error).splitlines()[0][:120]}"
            ) from None

    def document(self, row: Mapping[str, Any]) -> Document:
        """Return the whole chat; the parts of the assistant are the answers.

        A part is what a message adds to the text before it. Where a template writes earlier messages
        differently once others follow, only the last answer can be found.
        """
        messages = self._messages(row)
        whole = self._rendered(messages)
        asked = []
        for place, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            last = place == len(messages) - 1
            before = self._rendered(messages[:place], asks=True) if place else ""
            upto = whole if last else self._rendered(messages[: place + 1])
            if whole.startswith(upto) and upto.startswith(before):
                asked.append((len(before), len(upto)))
        if not asked and any(message["role"] == "assistant" for message in messages):
            raise _Refused(
                "a chat template by which an answer follows what was asked",
                "This one writes a question differently once it is answered.",
            )
        return Document(whole, tuple(asked), rendered=True)

    def question(self, row: Mapping[str, Any]) -> Question:
        messages = self._messages(row)
        answers = [place for place, message in enumerate(messages) if message["role"] == "assistant"]
        end = answers[-1] if answers else len(messages)
        expected = messages[end]["content"] if answers else ""
        return Question(self._rendered(messages[:end] or messages, asks=True), expected, rendered=True)
