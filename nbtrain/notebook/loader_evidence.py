"""What loaders tell of their part in a training: names, data sets, order, samples shared with each other."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch.utils.data import BatchSampler, DataLoader, IterableDataset, SequentialSampler, Subset

from nbtrain.notebook.candidates import Candidates, Named
from nbtrain.notebook.names import data_role, names_a_loader, speaks_of_data
from nbtrain.notebook.wording import attribute, length
from nbtrain.units import count, counted

MOST_COMPARED = 2_000_000  # indices of two subsets compared for overlap; beyond it the check would be felt
_DATA_SET = re.compile(r"(?:data|dataset|set|ds|samples|stream)$")
MUCH_LARGER = 2.0  # times the samples, from which the smaller of two loaders is not the one that trains


@dataclass(frozen=True)
class Loader:
    """A loader with the evidence: `role` from names and data set, `order` "random", "sequential" or ""."""

    name: str
    value: Any
    role: str
    order: str
    drops_last: bool

    @property
    def named(self) -> Named:
        """Return it as a Named."""
        return Named(self.name, self.value)


def read_loaders(found: Candidates) -> list[Loader]:
    """Return everything that can be iterated for batches, DataLoaders first choice, with its evidence."""
    groups = [found.loaders, [*found.iterables, *(one for one in found.lists if speaks_of_data(one.name))]]
    if found.nested is not None:
        groups.append(found.nested.loaders)
    groups.append(found.lists)
    for group in groups:
        if group:
            break
    else:
        return []
    names = {id(one.value): one.name for one in found.datasets}
    extra = [] if group is not found.loaders else [one for one in groups[1] if data_role(one.name)]
    return [_read(one, names) for one in [*group, *extra]]


def _read(one: Named, dataset_names: Mapping[int, str]) -> Loader:
    value = one.value
    dataset = attribute(value, "dataset")
    role = data_role(one.name) or data_role(dataset_names.get(id(dataset), "")) or _split_of(dataset)
    return Loader(one.name, value, role, order_of(value), attribute(value, "drop_last") is True)


def _split_of(dataset: Any) -> str:
    """What a data set says of itself: torchvision keeps `train=True` or `split="test"`."""
    flag = attribute(dataset, "train")
    if flag is True:
        return "train"
    split = attribute(dataset, "split") or ("" if flag is not False else "test")
    return data_role(str(split)) if isinstance(split, str) or type(split).__name__ == "NamedSplit" else ""


def order_of(loader: Any) -> str:
    """Say how a loader orders its samples: "random", "sequential", or "" when it cannot be told."""
    if not isinstance(loader, DataLoader):
        return ""
    if isinstance(loader.dataset, IterableDataset):
        return ""
    batches = attribute(loader, "batch_sampler")
    sampler = attribute(batches, "sampler")
    if sampler is None and type(batches) not in (BatchSampler, type(None)):
        return ""  # what torch puts beside somebody's own batch sampler says nothing
    sampler = sampler or attribute(loader, "sampler")
    if type(sampler) is SequentialSampler:
        return "sequential"
    shuffles = attribute(sampler, "shuffle")  # DistributedSampler
    if isinstance(shuffles, bool):
        return "random" if shuffles else "sequential"
    return "random" if "Random" in type(sampler).__name__ else ""


def shared_samples(train: Named, val: Named) -> tuple[str, ...]:
    """Say when validation data is training data: the same loader, data set, or overlapping subsets."""
    ours, theirs = attribute(train.value, "dataset"), attribute(val.value, "dataset")
    same = train.value is val.value or (
        ours is not None and ours is theirs and _reads_all(train) and _reads_all(val)
    )
    if same:
        what = "the training data" if train.value is val.value else f"the same data set as `{train.name}`"
        return (f"`{val.name}` reads {what}: overfitting cannot be seen with it.",)
    overlap = _overlap(train.value, val.value)
    if overlap:
        return (
            (
                f"{overlap:,} of the {length(theirs):,} samples of `{val.name}` are also in `{train.name}`: "
                "the validation result will look better than it is."
            ),
        )
    return ()


def _reads_all(one: Named) -> bool:
    return attribute(attribute(one.value, "sampler"), "indices") is None


def _overlap(train: Any, val: Any) -> int:
    ours, theirs = attribute(train, "dataset"), attribute(val, "dataset")
    if not isinstance(ours, Subset) or not isinstance(theirs, Subset) or ours.dataset is not theirs.dataset:
        return 0
    if (length(ours) or 0) + (length(theirs) or 0) > MOST_COMPARED:
        return 0
    return len({int(i) for i in ours.indices} & {int(i) for i in theirs.indices})


def preferred(chosen: Loader, other: Loader, val: Iterable[Loader]) -> str:
    """Say in a clause what but its name speaks for the first as training data; "" where nothing does.

    Args:
        val: the loaders named like validation data.
    """
    ours, theirs = attribute(chosen.value, "dataset"), attribute(other.value, "dataset")
    if _split_of(ours) == "train" and _split_of(theirs) != "train":
        return f"the data set of `{chosen.name}` says that it is training data"
    if chosen.order == "random" and other.order == "sequential" and not other.drops_last:
        return f"it reads in order, and `{chosen.name}` is shuffled"
    for judge in val:
        judged = attribute(judge.value, "dataset")
        if judged is None or _whole(judged) is not _whole(ours):
            continue
        if theirs is _whole(judged) and theirs is not ours:
            return f"it also holds the samples of `{judge.name}`, and `{chosen.name}` does not"
        if _whole(theirs) is not _whole(judged):
            return f"`{chosen.name}` and `{judge.name}` are parts of one data set, and it is of another"
    mine, its = length(ours), length(theirs)
    if mine and its is not None and mine >= MUCH_LARGER * its:
        return f"it has {counted(its, 'sample')}, and `{chosen.name}` {count(mine)}"
    return ""


def _whole(dataset: Any) -> Any:
    """Return what a data set is a part of, or itself."""
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    return dataset


def named_like_data(namespace: Mapping[str, Any], role: str, found: Candidates) -> list[Named]:
    """Return what is named like a loader of a role and was not taken for one: a generator, an empty list.

    Args:
        role: "train" or "val".
    """
    loaders = [*found.loaders, *(found.nested.loaders if found.nested is not None else ())]
    known = {id(one.value) for one in found.everything()}
    known |= {id(attribute(one.value, "dataset")) for one in loaders}
    return [
        Named(name, value)
        for name, value in namespace.items()
        if data_role(name) == role and id(value) not in known and _meant_as_batches(name, value)
    ]


def _meant_as_batches(name: str, value: Any) -> bool:
    kind = type(value)
    if kind in (list, tuple):
        return names_a_loader(name)
    once = callable(getattr(kind, "__next__", None)) and not kind.__module__.startswith("torch.")
    meant = names_a_loader(name) or _DATA_SET.search(name.lower()) is not None  # not train_files, train_log
    return (once or inspect.isgeneratorfunction(value)) and meant and not hasattr(kind, "readline")
