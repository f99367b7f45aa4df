"""What cells draw while a run lives, and what the run draws: neither reaches the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from setups import loader, net, same_weights
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

from nbtrain.errors import UsageError
from nbtrain.running.guards import streams

EPOCHS = 15


def drawing_net() -> nn.Module:
    return net(dropout=0.3)


@pytest.fixture
def trained(train: Any) -> Callable[..., Any]:
    """Train a net with dropout on shuffled data, seeded, with `cell` called again and again meanwhile."""

    def made(cell: Callable[[], Any] | None = None, *, seed: int = 11, **options: Any) -> Any:
        model = drawing_net()
        torch.manual_seed(seed)
        run = train(model, loader(shuffle=True), epochs=EPOCHS, wait=False, **options)
        calls = 0
        while cell is not None and run.status.alive:
            cell()
            calls += 1
        run.wait(120)
        assert str(run.status) == "completed", run.error
        return model, run, calls

    return made


def everything() -> list[torch.Tensor]:
    """Draw in every way a cell may; the numbers drawn."""
    x = torch.ones(6)
    layer = nn.Linear(3, 3)
    nn.init.trunc_normal_(layer.weight)
    batches = DataLoader(TensorDataset(torch.arange(8.0)), batch_size=4, shuffle=True)
    return [
        torch.rand(3), torch.randn(3), torch.randint(9, (3,)), torch.randint(2, 9, (3,)), torch.randperm(7),
        torch.rand_like(x), torch.randn_like(x), torch.randint_like(x, 9), torch.empty(3).uniform_(),
        torch.empty(3).exponential_(), torch.normal(x, 1.0), torch.normal(0.0, 1.0, (2,)),
        torch.bernoulli(x / 2),
        torch.multinomial(x, 3), torch.poisson(x), torch.binomial(x * 3, x / 2), torch._standard_gamma(x),
        torch.rand(3, out=torch.empty(3)), torch.randperm(4, out=torch.empty(4, dtype=torch.int64)),
        nn.functional.dropout(x), nn.functional.feature_alpha_dropout(x.view(2, 3), training=True),
        nn.functional.rrelu(-x, training=True), nn.LSTM(2, 2, 2, dropout=0.5)(torch.ones(3, 2))[0].detach(),
        nn.functional.scaled_dot_product_attention(*[torch.ones(1, 4, 4)] * 3, dropout_p=0.5),
        torch.distributions.Dirichlet(torch.ones(3)).sample(), layer.weight.detach(),
        torch.cat([batch for (batch,) in batches]),
        torch.tensor(random_split(range(6), [3, 3])[0].indices),
        torch.randn(3, generator=torch.default_generator),
    ]  # fmt: skip


def test_what_cells_draw_leaves_a_run_bit_identical(trained: Any) -> None:
    """Every way to draw, and seeding, over and over while it trains: the weights are the undisturbed ones."""
    alone, _, _ = trained()

    def cell() -> None:
        torch.manual_seed(3)
        everything()
        torch.seed()
        with torch.random.fork_rng():
            torch.rand(2)
        torch.set_rng_state(torch.get_rng_state())

    beside, run, calls = trained(cell)

    assert calls >= 2
    assert same_weights(alone, beside)
    assert not run.alerts and not run.events


def test_without_the_guard_the_same_draws_do_change_it(trained: Any) -> None:
    """guard="off" leaves all to one generator: what cells draw changes the run, and nothing is said."""
    alone, _, _ = trained(guard="off")
    beside, run, _ = trained(lambda: torch.rand(3), guard="off")

    assert not same_weights(alone, beside)
    assert not run.alerts and not run.events


def test_a_seeded_cell_draws_what_it_draws_without_a_run(trained: Any) -> None:
    """After torch.manual_seed in a cell each draw is the number it always was, in any op, run or no run."""
    torch.manual_seed(5)
    before = everything()
    state = torch.get_rng_state()
    seen: list[Any] = []

    def cell() -> None:
        torch.manual_seed(5)
        seen.append((everything(), torch.get_rng_state(), torch.initial_seed()))

    trained(cell)

    assert len(seen) >= 2
    for drawn, after, seed in seen:
        assert all(torch.equal(one, other) for one, other in zip(drawn, before, strict=True))
        assert torch.equal(after, state)
        assert seed == 5


def test_unseeded_draws_are_the_same_each_time_and_not_the_runs(trained: Any) -> None:
    """Cells that never seed draw the same in a notebook run again, whatever the run has drawn by then."""

    def draws() -> list[float]:
        trained()
        return torch.rand(20).tolist()

    drawn = [draws(), draws()]
    during: list[list[float]] = []
    trained(lambda: during or during.append(torch.rand(20).tolist()))

    assert drawn[0] == drawn[1] == during[0]
    torch.manual_seed(11)
    assert torch.rand(20).tolist() != drawn[0], "the run has these"


def test_a_generator_named_by_the_person_is_theirs(trained: Any) -> None:
    """A generator passed to an op is drawn from as ever, and the notebook's stream stays where it is."""
    mine, expected = torch.Generator().manual_seed(1), torch.Generator().manual_seed(1)
    drawn: list[torch.Tensor] = []
    moved: list[bool] = []

    def cell() -> None:
        before = torch.get_rng_state()
        drawn.append(torch.randn(3, generator=mine))
        drawn.append(torch.empty(3).bernoulli_(0.5, generator=mine))
        moved.append(not torch.equal(before, torch.get_rng_state()))

    trained(cell)

    assert not any(moved)
    for at, one in enumerate(drawn):
        same = torch.randn(3, generator=expected) if at % 2 == 0 else None
        same = torch.empty(3).bernoulli_(0.5, generator=expected) if same is None else same
        assert torch.equal(one, same)


def test_what_the_run_seeds_is_not_the_notebooks(trained: Any) -> None:
    """seed=42 seeds the run; the notebook's own numbers go on as though it had not been said."""
    trained(seed=4)
    without = torch.rand(3)
    alone, _, _ = trained(seed=42)
    trained(seed=4)
    beside, _, _ = trained(lambda: torch.rand(2), seed=42)
    torch.manual_seed(4)

    assert same_weights(alone, beside)
    assert without.shape == (3,)


def test_workers_of_a_cells_loader_are_the_cells(trained: Any) -> None:
    """A loader iterated in a cell, with workers that draw, gives what it gives without a run."""

    def batches() -> torch.Tensor:
        torch.manual_seed(9)
        return torch.stack(list(DataLoader(Draws(), batch_size=None, num_workers=2, shuffle=True)))

    alone, _, _ = trained()
    expected, seen = batches(), []
    beside, _, _ = trained(lambda: seen or seen.append(batches()))

    assert torch.equal(seen[0], expected)
    assert same_weights(alone, beside)


class Draws(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.rand(2) + index


def test_two_runs_at_once_are_each_as_though_alone(train: Any) -> None:
    """Two runs side by side, with draws in cells between: each ends at the weights it has alone."""

    def begun(seed: int) -> tuple[nn.Module, Any]:
        model = drawing_net()
        torch.manual_seed(seed)
        return model, train(model, loader(shuffle=True), epochs=EPOCHS, wait=False)

    alone = []
    for seed in (1, 2):
        model, run = begun(seed)
        run.wait(120)
        alone.append(model)
    first, one = begun(1)
    assert one.status.alive
    second, two = begun(2)
    while one.status.alive or two.status.alive:
        torch.rand(2)

    assert same_weights(alone[0], first)
    assert same_weights(alone[1], second)
    assert streams._now.notebook is None


def test_nothing_is_left_behind(trained: Any) -> None:
    """After the run torch's functions and this thread are as before; the next draw goes on from cells'."""
    during: list[torch.Tensor] = []
    trained(lambda: during.append(torch.get_rng_state()))

    assert torch.equal(torch.get_rng_state(), during[-1])
    torch.rand(1)
    assert torch.random.default_generator is torch.default_generator
    assert not streams._included(streams._key)


def test_detect_says_it_once(trained: Any) -> None:
    """guard="detect" prevents nothing; an event counts the draws, and one alert names the first."""
    _, run, calls = trained(lambda: (torch.rand(3), torch.manual_seed(1)), guard="detect")

    (event,) = run.manifest.events
    assert (event["kind"], event["draws"]["what"]) == ("cell-draws", "rand")
    assert 2 < event["draws"]["count"] <= 2 * calls
    (alert,) = run.alerts
    assert (alert.rule, str(alert.severity)) == ("cell-draws", "info")
    assert "`rand` in a cell" in alert.evidence


def test_detect_is_silent_about_the_runs_own_draws(trained: Any) -> None:
    """A run that draws by itself, beside cells that draw nothing, is no event."""
    _, run, _ = trained(lambda: torch.ones(3) + 1, guard="detect")

    assert not run.events and not run.alerts


def test_other_threads_of_the_person_do_as_they_did(trained: Any) -> None:
    """A thread started in a cell draws and ends without harm to itself."""
    drawn: list[torch.Tensor] = []

    def cell() -> None:
        thread = threading.Thread(target=lambda: drawn.append(torch.rand(3)))
        thread.start()
        thread.join()

    trained(cell)

    assert all(one.shape == (3,) for one in drawn)


def test_a_word_that_is_no_guard_is_refused(train: Any) -> None:
    """Another word than on, detect, off is refused with the three."""
    with pytest.raises(UsageError, match="allowed are on, detect and off"):
        train(net(), loader(), guard="maybe")


def test_the_plan_says_how_it_is_guarded(planned: Any) -> None:
    """The plan has a line for the guard, marked when it was asked for."""
    usual = planned(net(), loader()).plan.report().to_markdown()
    asked = planned(net(), loader(), guard="detect").plan.report().to_markdown()

    assert "on: what cells draw or switch meanwhile does not reach the run" in usual
    assert "detect: what cells draw or switch meanwhile reaches the run, and is noted" in asked
