"""Choose training and validation data by names, samplers and data sets; never a test set unasked."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from torch import nn
from torch.utils.data import Dataset, IterableDataset

from nbtrain.errors import UsageError
from nbtrain.notebook.candidates import Candidates, Named, collect
from nbtrain.notebook.listing import candidates, either, listed
from nbtrain.notebook.loader_evidence import (
    Loader,
    named_like_data,
    preferred,
    read_loaders,
    shared_samples,
)
from nbtrain.notebook.names import data_role, speaks_of_data
from nbtrain.notebook.wording import attribute, length, say, say_kind
from nbtrain.units import counted


def choose_train(
    found: Candidates, model_name: str, *, taken: Any = None, namespace: Mapping[str, Any] | None = None
) -> tuple[Named, tuple[str, ...]]:
    """Choose the training data; with remarks on what else could have been meant.

    Args:
        model_name: for the texts. taken: the validation data the person named; it is not training data.
        namespace: the notebook's variables, to see what is named like training data and cannot be it.

    Raises:
        UsageError: none, several, only validation or test data, or only a data set without a loader.
    """
    loaders = [one for one in read_loaders(found) if one.value is not taken]
    called = [one for one in loaders if one.role == "train"]
    if len(called) > 1:  # `train_loader` beside a `train_eval`-like one in order: the shuffled one trains
        shuffled = [one for one in called if one.order == "random"]
        called = shuffled if len(shuffled) == 1 else called
    if len(called) > 1:
        raise _several_train(called, model_name)
    open_ones = [one for one in loaders if one.role == ""]
    if called:
        return called[0].named, _beside(called[0], open_ones, loaders, model_name)
    odd = named_like_data(namespace or {}, "train", found)
    firm = [one for one in odd if one.name.lower().endswith(("loader", "dl"))]
    if odd and (firm or len(open_ones) != 1):  # `train_iter` beside `loader` is no contender
        raise not_data((firm or odd)[0], role="training")
    if len(open_ones) > 1:
        shuffled = [one for one in open_ones if one.order == "random" or one.drops_last]
        open_ones = shuffled if len(shuffled) == 1 else open_ones
    if len(open_ones) == 1:
        return open_ones[0].named, tuple(str(not_data(one, role="training")) for one in odd)
    if open_ones:
        raise _several_train(open_ones, model_name)
    if loaders:
        raise _only_for_evaluation(loaders, model_name)
    judges = [one for one in read_loaders(found) if one.value is taken]
    if taken is not None and judges:
        raise _only_the_judge(judges[0], model_name)
    raise no_loader(found)


def _beside(chosen: Loader, others: list[Loader], loaders: list[Loader], model_name: str) -> tuple[str, ...]:
    """Say which loaders whose name tells nothing are there too, and what speaks for the one named training.

    Raises:
        UsageError: nothing but the name does.
    """
    remarks, rivals = [], []
    val = [one for one in loaders if one.role == "val"]
    for other in others:
        why = preferred(chosen, other, val)
        if why and not val and other.order == "sequential":
            continue  # whether it judges is said where that is chosen
        if why:
            remarks.append(f"`{other.name}` ({say_kind(other.value)}) is not used: {why}.")
        else:
            rivals.append(other)
    if rivals:
        raise _several_train([chosen, *rivals], model_name)
    return tuple(remarks)


def _only_for_evaluation(loaders: list[Loader], model_name: str) -> UsageError:
    items = [(one.name, say_kind(one.value)) for one in loaders]
    return UsageError(
        "There is no training data among the variables, only what looks like validation or test data:"
        f" {listed(items)}.",
        suggestion=(
            "Make a train_loader, or say it is meant:"
            f" {either(f'%train {model_name} {n}' for n, _ in items)}."
        ),
        candidates=candidates(items),
    )


def _only_the_judge(judge: Loader, model_name: str) -> UsageError:
    return UsageError(
        f"`{judge.name}` ({say_kind(judge.value)}) is the only loader here, and it was named as validation"
        " data: nothing is left to train on.",
        suggestion=(
            f"Make a train_loader too: `%train {model_name} train_loader --val {judge.name}`. Or train on it,"
            f" and validate on a part put aside: `%train {model_name} {judge.name} --split 0.2`."
        ),
    )


def choose_val(
    found: Candidates, train: Named, namespace: Mapping[str, Any] | None = None
) -> tuple[Named | None, tuple[str, ...]]:
    """Choose the validation data, None when nothing is surely that; with remarks.

    Args:
        namespace: the notebook's variables, to see what is named like validation data and cannot be it.

    Raises:
        UsageError: several loaders are named like validation data.
    """
    others = [one for one in read_loaders(found) if one.value is not train.value]
    called = [one for one in others if one.role == "val"]
    if len(called) == 1:
        return called[0].named, shared_samples(train, called[0].named)
    if called:
        items = [(one.name, say_kind(one.value)) for one in called]
        raise UsageError(
            f"There are {len(items)} loaders named like validation data: {listed(items)}.",
            suggestion=f"Say which: {either(f'--val {name}' for name, _ in items)}.",
            candidates=candidates(items),
        )
    if odd := named_like_data(namespace or {}, "val", found):
        return None, (f"No validation: {not_data(odd[0], role='validation')}",)
    rest = [one for one in others if one.role == "" and one.order == "sequential" and not one.drops_last]
    if len(rest) == 1 and data_role(train.name) != "test" and not shared_samples(train, rest[0].named):
        one = rest[0]
        return one.named, (
            (
                f"`{one.name}` is taken as validation data: it is the only other loader, and it reads in"
                " order; `--val NAME` says otherwise."
            ),
        )
    tests = [one for one in others if one.role == "test"]
    if tests:
        return None, (
            (
                f"`{tests[0].name}` looks like test data and is not used for validation: choosing the best"
                f" epoch by it would make its result look better than it is. `--val {tests[0].name}` uses it"
                " all the same; `--split 0.2` keeps a part of the training data instead."
            ),
        )
    if rest:
        names = either(f"--val {one.name}" for one in rest)
        return None, (f"{len(rest)} other loaders could be validation data; {names} says which.",)
    return None, ()


def likely_loaders(namespace: Mapping[str, Any]) -> list[Named]:
    """Return a namespace's loaders to look at a model with: training data first, test data last."""
    order = ("train", "", "val", "test")
    found = read_loaders(
        collect({key: value for key, value in namespace.items() if not isinstance(value, nn.Module)})
    )
    return [
        one.named for one in sorted(found, key=lambda one: order.index(one.role) if one.role in order else 1)
    ]


# --- texts --------------------------------------------------------------------------------------------------


def _several_train(loaders: list[Loader], model_name: str) -> UsageError:
    items = [(one.name, say_kind(one.value)) for one in loaders]
    return UsageError(
        f"{len(items)} loaders could be the training data: {listed(items)}.",
        suggestion=f"Say which: {either(f'%train {model_name} {name}' for name, _ in items)}.",
        candidates=candidates(items),
    )


def no_loader(found: Candidates) -> UsageError:
    """No loader at all: say how to make one of what there is."""
    datasets = sorted(found.datasets, key=lambda one: data_role(one.name) not in ("train", ""))
    if datasets:
        return UsageError(
            f"There is no DataLoader among the variables; `{datasets[0].name}` is {say(datasets[0].value)}.",
            suggestion=f"Wrap it: {wrap_line(datasets[0])}",
        )
    pair = _tensor_pair(found)
    if pair:
        made = f"TensorDataset({', '.join(pair)})"
        return UsageError(
            f"There is no DataLoader among the variables; {' and '.join(f'`{name}`' for name in pair)} could"
            " be its data.",
            suggestion=(
                f"Make one: train_loader = torch.utils.data.DataLoader(torch.utils.data.{made},"
                " batch_size=32, shuffle=True)"
            ),
        )
    return UsageError(
        "There is no training data among the variables: no DataLoader and no list of batches.",
        suggestion=(
            "Make one: train_loader = torch.utils.data.DataLoader(your_dataset, batch_size=32, shuffle=True)"
        ),
    )


def wrap_line(dataset: Named, *, role: str = "") -> str:
    """Return the line that makes a DataLoader of a data set; a stream is not shuffled by it.

    Args:
        role: "val" where it was named as validation data; "" goes by its name.
    """
    role = role or data_role(dataset.name)
    target = f"{role if role in ('val', 'test') else 'train'}_loader"
    shuffle = (
        "" if isinstance(dataset.value, IterableDataset) or role in ("val", "test") else ", shuffle=True"
    )
    return f"{target} = torch.utils.data.DataLoader({dataset.name}, batch_size=32{shuffle})"


def _tensor_pair(found: Candidates) -> list[str]:
    """Find X and y of one length by name among tensors and arrays; return them as code, tensors both."""
    usable = [
        one
        for one in found.tensors
        if (attribute(one.value, "shape") or (0,))[0:1] and data_role(one.name) != "test"
    ]
    usable = [one for one in usable if speaks_of_data(one.name) and not attribute(one.value, "requires_grad")]
    for inputs in usable:
        for targets in usable:
            starts = inputs.name[:1].lower() == "x" and targets.name[:1].lower() == "y"
            if (
                starts
                and inputs.name[1:] == targets.name[1:]
                and inputs.value.shape[0] == targets.value.shape[0]
            ):
                return [_as_tensor(inputs), _as_tensor(targets)]
    return []


def _as_tensor(one: Named) -> str:
    if type(one.value).__module__ != "numpy":
        return one.name
    # numpy computes in float64, models in float32
    wide = ", dtype=torch.float32" if str(attribute(one.value, "dtype")) == "float64" else ""
    return f"torch.as_tensor({one.name}{wide})"


def _loader_of(value: Any) -> str:
    """Return the line that makes a loader of tensors, or of arrays where such a one was given."""
    inputs, targets = "x", "y"
    array = type(value).__module__ == "numpy"
    if array:
        inputs, targets = "torch.as_tensor(x, dtype=torch.float32)", "torch.as_tensor(y)"
    made = f"torch.utils.data.TensorDataset({inputs}, {targets})"
    return (
        f"For {'arrays' if array else 'tensors'}: torch.utils.data.DataLoader({made}, batch_size=32, "
        "shuffle=True)"
    )


def check_data(one: Named, *, role: str) -> None:
    """Refuse what cannot be the data of a run: not iterable, readable once, or empty.

    Args:
        role: "training" or "validation", for the texts.

    Raises:
        UsageError: what it is, what is allowed, and how to make it that.
    """
    value = one.value
    if isinstance(value, Dataset) or type(value).__module__.split(".")[0] == "datasets":
        raise UsageError(
            f"`{one.name}` is {say(value)}, and {role} data must come in batches.",
            suggestion=f"Wrap it: {wrap_line(one, role='val' if role == 'validation' else '')}",
        )
    kind = type(value)
    if callable(getattr(kind, "__next__", None)):
        raise UsageError(
            f"`{one.name}` is {say(value)}: it can be read only once, and every epoch reads all of it.",
            suggestion=f"Give a DataLoader or a list of batches, for example: {one.name} = list({one.name})",
        )
    if inspect.isgeneratorfunction(value):
        raise UsageError(
            f"`{one.name}` is {say(value)}, which gives batches when it is called, once each time; every "
            f"epoch reads all of the {role} data.",
            suggestion=f"Give a DataLoader or a list of batches, for example: batches = list({one.name}())",
        )
    packages = kind.__module__.split(".")[0]
    odd = (
        isinstance(value, (str, bytes, Mapping, type))
        or packages in ("numpy", "pandas")
        or hasattr(kind, "backward")
    )
    if odd or not (hasattr(kind, "__iter__") or hasattr(kind, "__getitem__")):
        raise UsageError(
            f"`{one.name}` is {say(value)}, which cannot be {role} data; allowed are a DataLoader, a list of"
            " batches or another iterable of batches.",
            suggestion=_loader_of(value),
        )
    if isinstance(value, (list, tuple)) and value and hasattr(type(value[0]), "backward"):
        raise UsageError(
            f"`{one.name}` is {say(value)}, one tensor each, so it looks like one batch; {role} data is an"
            " iterable of batches.",
            suggestion=f"Give a DataLoader over torch.utils.data.TensorDataset(*{one.name}).",
        )
    _check_not_empty(one, role)


def not_data(one: Named, *, role: str) -> UsageError:
    """Return what is wrong with a variable that is named like a loader and is no data.

    Args:
        role: "training" or "validation", for the texts.
    """
    try:
        check_data(one, role=role)
    except UsageError as error:
        return error
    return UsageError(
        f"`{one.name}` is {say(one.value)}, the first of them no batch of tensors; {role} data is a"
        " DataLoader or an iterable of batches, each a pair or dict of tensors.",
        suggestion=f"If it is meant all the same, name it: {_way(one.name, role)}.",
    )


def _way(name: str, role: str) -> str:
    return f"`%train MODEL {name}`" if role == "training" else f"`--val {name}`"


def _check_not_empty(one: Named, role: str) -> None:
    if length(one.value) != 0:
        return
    samples, size = length(attribute(one.value, "dataset")), attribute(one.value, "batch_size")
    if samples and attribute(one.value, "drop_last") is True:
        raise UsageError(
            f"`{one.name}` gives no batch: its data set has {counted(samples, 'sample')}, fewer than its"
            f" batch size {size}, and drop_last=True drops the rest.",
            suggestion=f"Make it with batch_size={samples} or less, or with drop_last=False.",
        )
    what = "its data set has 0 samples" if samples == 0 else "its length is 0"
    raise UsageError(
        f"`{one.name}` is empty: {what}, so there is nothing for {role}.",
        suggestion="Check the cell that fills it (a wrong path, a filter that keeps nothing).",
    )
