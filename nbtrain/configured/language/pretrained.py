"""The base of a fine-tuning: which folder or hub name, its tokenizer, its window and its chat template."""

from __future__ import annotations

import hashlib
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbtrain.config.located import WINDOWS, find, language_base
from nbtrain.config.resolved import Configuration
from nbtrain.errors import UsageError
from nbtrain.extras import require

MOST_LENGTH = 1024  # tokens in a sample where nothing is said and the window is longer; as TRL's SFTConfig
_NO_WINDOW = 10**9  # tokenizers say 10**30 where they know none


@dataclass(frozen=True)
class Base:
    """A model of Hugging Face that is to be fine-tuned, before its weights are loaded.

    Attributes:
        source: folder or hub name. config: its configuration. tokenizer: its tokenizer.
        window: tokens it can read at once, None where it does not say.
    """

    source: str
    config: Any
    tokenizer: Any
    window: int | None

    @property
    def name(self) -> str:
        """The last part of the source."""
        return Path(self.source).name

    @property
    def filling(self) -> int:
        """The id that fills short samples up; it is never predicted, so any will do where there is none."""
        known = (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id)
        return next((one for one in known if one is not None), 0)

    def fingerprint(self) -> str:
        """Return a hash of everything that decides how a text becomes ids."""
        tokenizer = self.tokenizer
        backend = getattr(tokenizer, "backend_tokenizer", None)
        made = backend.to_str() if backend is not None else json.dumps(tokenizer.get_vocab(), sort_keys=True)
        said = (made, tokenizer.chat_template, str(tokenizer.special_tokens_map), type(tokenizer).__name__)
        return hashlib.sha256(repr(said).encode()).hexdigest()


def source_of(configuration: Configuration) -> str | None:
    """Return the folder or hub name of the base, None where the configuration is not about such a model."""
    return language_base(configuration.values, configuration.folder)


def find_base(configuration: Configuration) -> Base | None:
    """Load configuration and tokenizer of the base; None where there is none. No code of it is run.

    Raises:
        UsageError: it is not there, or cannot be read. MissingExtra: transformers is absent.
    """
    source = source_of(configuration)
    if source is None:
        return None
    transformers = require("transformers", why=f"to fine-tune {source}")
    _refuse_adapter(Path(source))
    with quiet():
        config = _loaded(transformers.AutoConfig, source, "config.json")
        tokenizer = _loaded(transformers.AutoTokenizer, source, "tokenizer")
    if path := configuration.get("chat_template"):
        file = find(path, configuration.folder)
        if not file.is_file():
            raise UsageError(f"There is no chat template `{file}`.", suggestion="Give a file of Jinja.")
        tokenizer.chat_template = file.read_text(encoding="utf-8")
    said = [getattr(config, name, None) for name in WINDOWS]
    said.append(tokenizer.model_max_length)
    windows = [one for one in said if isinstance(one, int) and 0 < one < _NO_WINDOW]
    return Base(source, config, tokenizer, min(windows) if windows else None)


def _refuse_adapter(path: Path) -> None:
    if (path / "adapter_config.json").is_file() and not (path / "config.json").is_file():
        raise UsageError(
            f"{path} holds adapters of LoRA without the model they belong to.",
            suggestion="Merge them first: peft.AutoPeftModelForCausalLM.from_pretrained(PATH)"
            ".merge_and_unload().save_pretrained(NEW).",
        )


def _loaded(kind: Any, source: str, what: str) -> Any:
    try:
        return kind.from_pretrained(source, trust_remote_code=False)  # else it may ask, and run code on a yes
    except (OSError, ValueError, KeyError, ImportError, AttributeError, TypeError) as error:
        raise unreadable(source, what, error) from None


def unreadable(source: str, what: str, error: BaseException) -> UsageError:
    """Return the error for a base of which a part cannot be loaded."""
    local = Path(source).exists()
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    where = f"`{source}`" if local else f"`{source}`, which is no folder here and so a name of the hub,"
    advice = (
        "Is it a whole folder as save_pretrained writes it: config.json, weights, tokenizer?"
        if local
        else "Is the path right, the name spelled as on the hub, the network there (HF_HUB_OFFLINE)?"
    )
    return UsageError(
        f"The {what} of {where} cannot be loaded: {lines[0][:200]}", suggestion=advice, path=source
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Keep bars and advice of the libraries out of the cell; afterwards they are as they were."""
    datasets = require("datasets", why="to load and pack texts")
    said = require("transformers.utils.logging", why="to fine-tune a language model")
    level, bars = said.get_verbosity(), said.is_progress_bar_enabled()
    data_bars, peft = not datasets.are_progress_bars_disabled(), logging.getLogger("peft")
    peft_level = peft.level
    said.set_verbosity_error()
    said.disable_progress_bar()
    datasets.disable_progress_bars()
    peft.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of these libraries about one another
            yield
    finally:
        said.set_verbosity(level)
        peft.setLevel(peft_level)
        if bars:
            said.enable_progress_bar()
        if data_bars:
            datasets.enable_progress_bars()
