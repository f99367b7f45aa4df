"""Looking at one batch: it is the right one, and nothing was disturbed."""

from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    SequentialSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from nbtrain.errors import CannotLook, UsageError
from nbtrain.notebook.rng import preserved_rng
from nbtrain.notebook.sample import batch_parts, sample_batch


def rng_state():
    """Every global generator, as something comparable."""
    keys, position = np.random.get_state()[1:3]
    return random.getstate(), (keys.tolist(), position), torch.get_rng_state().tolist()


class Noisy(Dataset):
    """Draws from every generator there is for each sample, and counts how often it was asked."""

    def __init__(self, length=20):
        self.length, self.asked = length, []
        self.own = np.random.default_rng(3)
        self.own_torch = torch.Generator().manual_seed(4)

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        self.asked.append(index)
        random.random(), np.random.rand(), torch.rand(1), self.own.random(), torch.rand(
            1, generator=self.own_torch
        )
        return torch.full((3,), float(index)), index % 2


def test_generators_are_bitwise_as_before_though_the_data_set_draws_from_all():
    """python, numpy, torch, the loader's and the data set's own generators stand where they stood."""
    data = Noisy()
    generator = torch.Generator().manual_seed(7)
    loader = DataLoader(data, batch_size=4, shuffle=True, generator=generator)
    before = rng_state()
    owned = (
        generator.get_state().tolist(),
        data.own.bit_generator.state,
        data.own_torch.get_state().tolist(),
    )
    inputs, targets = sample_batch(loader)
    assert inputs.shape == (4, 3) and targets.tolist() == [0, 1, 0, 1]
    assert rng_state() == before
    after = (
        generator.get_state().tolist(),
        data.own.bit_generator.state,
        data.own_torch.get_state().tolist(),
    )
    assert after == owned


def test_training_draws_the_same_batches_whether_or_not_somebody_looked():
    """A look changes neither the shuffle that follows nor the sampler's epoch."""
    data = TensorDataset(torch.arange(32.0).unsqueeze(1))

    def epoch(look):
        torch.manual_seed(0)
        loader = DataLoader(data, batch_size=4, shuffle=True)
        if look:
            sample_batch(loader)
        return torch.cat([batch[0] for batch in loader]).flatten().tolist()

    assert epoch(look=True) == epoch(look=False)


def test_generators_come_back_also_when_the_data_set_raises():
    """The person's own exception comes through, with the generators put back."""

    class Broken(Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            torch.rand(5)
            raise KeyError("no such image")

    before = rng_state()
    with pytest.raises(KeyError, match="no such image"):
        sample_batch(DataLoader(Broken(), batch_size=2))
    assert rng_state() == before


def test_no_worker_process_is_started():
    """A loader with two workers is looked at in this process: the data set's own list sees the calls."""
    data = Noisy()
    sample_batch(DataLoader(data, batch_size=3, num_workers=2, persistent_workers=True))
    assert data.asked == [0, 1, 2]


def test_limit_and_a_short_data_set_bound_the_batch():
    """`limit` and the data set's length both cap how many samples are fetched."""
    data = Noisy(length=5)
    assert sample_batch(DataLoader(data, batch_size=4), limit=2)[0].shape == (2, 3)
    assert sample_batch(DataLoader(data, batch_size=64))[0].shape == (5, 3)


def test_own_collate_function_is_used():
    """The batch is what the person's collate function makes of it."""
    loader = DataLoader(Noisy(), batch_size=3, collate_fn=lambda items: {"n": len(items), "x": items[0][0]})
    assert sample_batch(loader)["n"] == 3


def test_subset_sampler_shows_its_own_samples():
    """With a SubsetRandomSampler the batch comes from its indices, not from the samples it leaves out."""
    data = Noisy()
    sample_batch(DataLoader(data, batch_size=2, sampler=SubsetRandomSampler([11, 13, 17])))
    assert data.asked == [11, 13]


def test_samplers_that_draw_are_not_asked():
    """A weighted sampler, and a batch sampler around another, give no index."""
    asked = []

    class Counting(SequentialSampler):
        def __iter__(self):
            asked.append(1)
            return super().__iter__()

    data = Noisy()
    sample_batch(DataLoader(data, batch_size=2, sampler=WeightedRandomSampler([1.0] * 20, 20)))
    sample_batch(DataLoader(data, batch_sampler=BatchSampler(Counting(data), batch_size=3, drop_last=True)))
    assert asked == []
    assert data.asked == [0, 1, 0, 1, 2]


def test_sampler_with_keys_of_its_own_cannot_be_guessed():
    """Where a custom sampler yields keys the data set knows, nbtrain says it cannot look, and why."""
    store = {"cat": torch.zeros(2), "dog": torch.ones(2)}

    class Keys(torch.utils.data.Sampler):
        def __iter__(self):
            return iter(store)

        def __len__(self):
            return 2

    with pytest.raises(CannotLook, match="own sampler \\(Keys\\)"):
        sample_batch(DataLoader(store, batch_size=2, sampler=Keys()))


def test_batching_turned_off_is_followed():
    """batch_size=None: one item of the data set is the batch, or the indices its BatchSampler makes."""
    whole = TensorDataset(torch.arange(12.0).view(6, 2))
    assert sample_batch(DataLoader(whole, batch_size=None))[0].shape == (2,)
    sampler = BatchSampler(SequentialSampler(whole), batch_size=4, drop_last=False)
    assert sample_batch(DataLoader(whole, batch_size=None, sampler=sampler))[0].shape == (4, 2)


def test_iterable_data_set_is_restarted_not_consumed():
    """A re-iterable stream gives its first samples again in training, and its epoch counter is put back."""

    class Stream(IterableDataset):
        epoch = 0

        def __init__(self):
            self.epoch = 0

        def __iter__(self):
            self.epoch += 1
            for value in range(6):
                yield torch.tensor([float(value)])

    stream = Stream()
    loader = DataLoader(stream, batch_size=4)
    assert sample_batch(loader).flatten().tolist() == [0.0, 1.0, 2.0, 3.0]
    assert stream.epoch == 0
    assert next(iter(loader)).flatten().tolist() == [0.0, 1.0, 2.0, 3.0]


def test_lists_and_other_reiterables_show_their_first_item():
    """A list of batches is indexed; a person's own iterable is started afresh and closed."""
    batches = [(torch.ones(2, 3), torch.zeros(2)), (torch.ones(1, 3), torch.zeros(1))]
    assert sample_batch(batches) is batches[0]
    closed = []

    class Mine:
        def __iter__(self):
            try:
                yield from batches
            finally:
                closed.append(True)

    assert sample_batch(Mine()) is batches[0]
    assert closed == [True]


@pytest.mark.parametrize("kind", ["generator", "iterator", "own class"])
def test_one_shot_data_is_not_touched(kind):
    """What can be read once is refused in words, and its first batch is still there."""
    taken = []

    class Once:
        def __iter__(self):
            return self

        def __next__(self):
            taken.append(1)
            return 1

    data = {"generator": (n for n in [1, 2]), "iterator": iter([1, 2]), "own class": Once()}[kind]
    with pytest.raises(CannotLook, match="can be read only once: a look at a batch would take it away"):
        sample_batch(data)
    assert taken == []
    assert next(iter(data)) == 1


@pytest.mark.parametrize(
    "empty",
    [[], DataLoader(TensorDataset(torch.zeros(0, 2)), batch_size=4), SimpleNamespace],
    ids=["list", "loader", "iterable"],
)
def test_empty_data_is_said(empty):
    """Nothing in it: a UsageError that says what the data is."""
    if empty is SimpleNamespace:

        class Nothing:
            def __iter__(self):
                return iter(())

        empty = Nothing()
    with pytest.raises(UsageError, match="there is no batch to look at"):
        sample_batch(empty)


def test_preserved_rng_restores_after_an_exception():
    """The context manager puts the generators back whatever happens inside."""
    before = rng_state()
    with pytest.raises(ZeroDivisionError), preserved_rng():
        torch.manual_seed(99), random.seed(1), np.random.seed(1)
        raise ZeroDivisionError
    assert rng_state() == before


def test_preserved_rng_searches_the_objects_it_is_given():
    """Legacy numpy and python generators held by an object are put back too, and shared ones only once."""
    holder = SimpleNamespace(legacy=np.random.RandomState(5), plain=random.Random(6))
    first = (holder.legacy.randint(1000), holder.plain.random())
    holder = SimpleNamespace(legacy=np.random.RandomState(5), plain=random.Random(6))
    with preserved_rng(holder, holder):
        holder.legacy.randint(1000), holder.plain.random()
    assert (holder.legacy.randint(1000), holder.plain.random()) == first


# --- what a batch is made of --------------------------------------------------------------------------------


def roles(batch):
    layout = batch_parts(batch)
    return layout.kind, [(part.path, part.role) for part in layout.parts], layout.size


def test_pairs_name_input_and_target():
    """(x, y): the first is the input, the last the target, the size the first dimension."""
    layout = batch_parts((torch.zeros(8, 1, 4, 4), torch.zeros(8, dtype=torch.int64)))
    assert (layout.kind, layout.size, layout.usable) == ("tuple", 8, True)
    assert (layout.input.shape, layout.target.dtype) == ((8, 1, 4, 4), "int64")


def test_dict_batches_go_by_key():
    """A tokenised batch: input_ids in, labels out, whatever their order."""
    batch = {"labels": torch.zeros(4), "attention_mask": torch.ones(4, 9), "input_ids": torch.ones(4, 9)}
    assert roles(batch) == (
        "dict",
        [("['labels']", "target"), ("['attention_mask']", "other"), ("['input_ids']", "input")],
        4,
    )


def test_nested_batches_are_opened():
    """((a, b), y): parts inside parts have a path that is code."""
    kind, parts, size = roles(((torch.zeros(5, 2), torch.zeros(5, 3)), torch.zeros(5)))
    assert (kind, size) == ("tuple", 5)
    assert parts == [("[0][0]", "input"), ("[0][1]", "other"), ("[1]", "target")]


def test_a_tensor_alone_is_the_input():
    """An auto-encoder's batch has no target part."""
    assert roles(torch.zeros(6, 2)) == ("tensor", [("", "input")], 6)
    assert batch_parts(torch.tensor(1.0)).size is None


def test_objects_with_to_show_their_tensors():
    """A graph batch: attributes are its parts, `num_graphs` its size."""

    class Graph:
        def __init__(self):
            self.x, self.edge_index, self.y = torch.zeros(30, 4), torch.zeros(2, 60), torch.zeros(7)
            self.num_graphs = 7

        def to(self, device):
            return self

    kind, parts, size = roles(Graph())
    assert (kind, size) == ("object", 7)
    assert parts == [(".x", "input"), (".edge_index", "other"), (".y", "target")]


@pytest.mark.parametrize("batch", ["hello", 3, None, ["a", "b"], {"text": ["a"]}, object()])
def test_batches_without_tensors_are_not_usable(batch):
    """Nothing a model could be given: said by `usable`, never an exception."""
    assert not batch_parts(batch).usable
