"""The data of a configuration -> loaders: variables of the notebook, import paths, files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader, Dataset

from nbtrain.config.located import find
from nbtrain.config.paths import kind_of_data
from nbtrain.config.resolved import Configuration
from nbtrain.configured.importing import imported
from nbtrain.configured.readers import images, npz, table, text
from nbtrain.configured.readers.samples import bad_data
from nbtrain.errors import UsageError
from nbtrain.notebook.namespace import Named
from nbtrain.train.data import like_loader, split_loader

READERS = (npz, table, text)
DEFAULT_BATCH = 32
Reader = Callable[..., Any]  # (path, configuration, like=training data) -> data set


@dataclass(frozen=True)
class Loaders:
    """Training, validation and test data, the last two None where there are none; `said`: for the plan."""

    train: Named | None
    val: Named | None
    test: Named | None
    said: tuple[str, ...] = ()


def make_loaders(
    configuration: Configuration, names: Mapping[str, Any], texts: Reader | None = None
) -> Loaders:
    """Return what the configuration names. Without training data the notebook's own is the caller's to find.

    Args:
        texts: reads files of texts for a language model; None where the configuration is about another.

    Raises:
        UsageError: a name or path that is not there. InvalidConfig: data that cannot be used.
    """
    said: list[str] = []
    read = texts or read_data
    train = _loader(configuration, "train_data", names, said, read)
    like = getattr(train.value, "dataset", None) if train is not None else None
    val = _loader(configuration, "val_data", names, said, read, like=like)
    test = _loader(configuration, "test_data", names, said, read, like=like)
    return Loaders(train, val, test, tuple(said))


def with_batches(
    configuration: Configuration, train: Named, val: Named | None, said: list[str]
) -> tuple[Named, Named | None]:
    """Return the loaders with the configuration's batch size, and with the part for validation put aside."""
    size = configuration.get("batch_size")
    if size is not None and configuration.origins.get("batch_size") != "default":
        train = _rebatched(train, size, said)
    if (fraction := configuration.get("split")) and val is None:
        first, second = split_loader(train.value, fraction, configuration.values["seed"])
        said.append(f"{fraction:.0%} of the training data are put aside for validation.")
        train, val = Named(train.name, first), Named(f"{fraction:.0%} of {train.name or 'train'}", second)
    return train, val


def _rebatched(named: Named, size: int, said: list[str]) -> Named:
    loader = named.value
    now = getattr(loader, "batch_size", None)
    if now == size:
        return named
    made = like_loader(loader, size)
    if made is None:
        held = f"batches of {now}" if now else "batches of its own"
        said.append(
            f"batch_size is {size}, and `{named.name}` gives {held} that cannot be made anew: the "
            f"loader's count."
        )
        return named
    said.append(f"`{named.name}` gives batches of {now}; this run takes {size}, as the configuration says.")
    return Named(named.name, made)


def _loader(
    configuration: Configuration, setting: str, names: Mapping[str, Any], said: list[str], read: Reader, *,
    like: Any = None,
) -> Named | None:
    word = configuration.get(setting)
    if word is None:
        return None
    kind = kind_of_data(word, names)
    if kind == "variable":
        from nbtrain.notebook.candidates import collect
        from nbtrain.notebook.given import resolve

        if isinstance(names.get(word), Dataset):
            return Named(word, _made(names[word], configuration, setting))
        return resolve(word, "data" if setting == "train_data" else "val", names, collect(names))
    if kind == "import":
        thing = imported(word, configuration.folder)
        thing = thing() if callable(thing) and not isinstance(thing, (DataLoader, Dataset)) else thing
        name = word.rpartition(":")[2]
        return Named(name, _made(thing, configuration, setting) if isinstance(thing, Dataset) else thing)
    dataset = read(find(word, configuration.folder), configuration, like=like)
    return Named(Path(word).name, _made(dataset, configuration, setting))


def read_data(path: Path, configuration: Configuration, *, like: Any = None) -> Dataset:
    """Return the data set of a file or folder.

    Raises:
        UsageError: it is not there. InvalidConfig: it cannot be used.
    """
    if not path.exists():
        raise UsageError(f"There is no data `{path}`.", suggestion="Check the path.", path=str(path))
    how = {"target": configuration.get("target"), "like": like, "length": configuration.get("max_seq_length")}
    if path.is_dir():
        return images.read(path, **how)
    reader = next((one for one in READERS if path.suffix.lower() in one.SUFFIXES), None)
    if reader is None:
        known = ", ".join(suffix for one in READERS for suffix in one.SUFFIXES)
        raise bad_data(
            str(path), f"a file of the kinds {known}, or a folder of images", "The end of its name tells."
        )
    return reader.read(path, **how)


def _made(dataset: Any, configuration: Configuration, setting: str) -> DataLoader:
    size = configuration.get("batch_size", usual_batch(dataset))
    return DataLoader(
        dataset, batch_size=size, shuffle=setting == "train_data",
        collate_fn=getattr(dataset, "collate", None),
    )  # fmt: skip


def usual_batch(dataset: Any) -> int:
    """Return how many samples are in a batch where nothing is said."""
    return getattr(dataset, "usual_batch", DEFAULT_BATCH)
