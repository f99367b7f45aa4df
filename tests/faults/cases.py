"""Planted faults and healthy runs: what is wrong with each, and which finding has to be acted on first.

Several answers are right where the order of findings puts a symptom before its cause.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from nbtrain.diagnose.history import History
from tests.faults.training import Setting, Split, data, mlp, train


@dataclass(frozen=True)
class Case:
    """A run. `right`: ids of the primary finding that are right; empty for a healthy run."""

    name: str
    right: frozenset[str]
    make: Callable[[], Setting]
    seeds: tuple[int, ...] = ()

    def history(self, seed: int = 0) -> History:
        """Train it; with several seeds the first is the one diagnosed, the others stand beside it."""
        setting = self.make()
        if not self.seeds:
            return train(replace(setting, seed=seed), name=self.name)
        seeds = [seed + one for one in self.seeds]
        found = {f"seed-{one}": train(replace(setting, seed=one), name=self.name) for one in seeds}
        return replace(found[f"seed-{seeds[0]}"], seeds=found)


FAULTY: list[Case] = []
HEALTHY: list[Case] = []


Make = Callable[[], Setting]


def fault(*right: str, seeds: tuple[int, ...] = ()) -> Callable[[Make], Make]:
    def keep(make: Make) -> Make:
        FAULTY.append(Case(make.__name__.replace("_", "-"), frozenset(right), make, seeds))
        return make

    return keep


def healthy(make: Callable[[], Setting]) -> Callable[[], Setting]:
    HEALTHY.append(Case(make.__name__.replace("_", "-"), frozenset(), make))
    return make


def few(split: Split, count: int) -> Split:
    return split[0][:count], split[1][:count], split[2], split[3]


def wrong_labels(split: Split, share: float, classes: int) -> Split:
    """Return the split with some training labels drawn anew."""
    random = torch.Generator().manual_seed(1)
    y = split[1].clone()
    picked = torch.rand(len(y), generator=random) < share
    y[picked] = torch.randint(0, classes, (int(picked.sum()),), generator=random)
    return split[0], y, split[2], split[3]


def noise(deviation: float) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda x: x + deviation * torch.randn_like(x)


def cosine(step: int, steps: int) -> float:
    return 0.5 * (1 + math.cos(math.pi * step / steps))


def one_cycle(step: int, steps: int) -> float:
    at = step / steps
    return 0.04 + 0.96 * at / 0.3 if at < 0.3 else 0.5 * (1 + math.cos(math.pi * (at - 0.3) / 0.7))


def restarts(step: int, steps: int) -> float:
    period = max(steps // 3, 1)
    return 0.5 * (1 + math.cos(math.pi * (step % period) / period))


def small() -> nn.Module:
    return mlp(64, 32, 10)


def wide() -> nn.Module:
    return mlp(64, 256, 256, 10)


DIGITS = data("digits")

# --- faults ---------------------------------------------------------------------------------------------


@fault("overfitting")
def overfit_on_sixty_samples() -> Setting:
    return Setting(few(DIGITS, 60), wide, epochs=20, batch=16)


@fault("overfitting")
def overfit_on_wrong_labels() -> Setting:
    return Setting(wrong_labels(few(DIGITS, 500), 0.4, 10), wide, epochs=30, lr=2e-3)


@fault("overfitting")
def overfit_a_regression() -> Setting:
    return Setting(data("diabetes"), lambda: mlp(10, 128, 128, 1), epochs=40, batch=32, lr=3e-3)


@fault("overfitting")
def overfit_without_accuracies() -> Setting:
    return Setting(few(DIGITS, 100), wide, epochs=60, batch=25, lr=3e-3, accuracy=False)


@fault("underfitting")
def too_small_a_model() -> Setting:
    return Setting(DIGITS, lambda: mlp(64, 1, 10), epochs=25, lr=1e-2)


@fault("underfitting")
def rate_too_low_for_accuracy() -> Setting:
    return Setting(DIGITS, small, epochs=20, lr=1e-5)


@fault("underfitting")
def regularised_away() -> Setting:
    decay = {"weight_decay": 0.5}
    return Setting(DIGITS, small, epochs=20, lr=1e-2, optimizer=torch.optim.Adam, options=decay)


@fault("underfitting", "chance-level")
def shuffled_labels() -> Setting:
    random = torch.Generator().manual_seed(0)
    labels = DIGITS[1][torch.randperm(len(DIGITS[1]), generator=random)]
    return Setting((DIGITS[0], labels, *DIGITS[2:]), small, epochs=20, lr=1e-3)


@fault("data-quality")
def a_dozen_validation_samples() -> Setting:
    split = (*wrong_labels(DIGITS, 0.2, 10)[:2], DIGITS[2][:14], DIGITS[3][:14])
    return Setting(split, small, epochs=24, batch=32, lr=2e-2, options={"weight_decay": 0.1})


@fault("data-quality")
def wrong_training_labels_under_augmentation() -> Setting:
    return Setting(wrong_labels(DIGITS, 0.35, 10), small, epochs=25, lr=1e-3, augment=noise(0.4))


@fault("nan-loss")
def nan_in_the_data() -> Setting:
    x = DIGITS[0].clone()
    x[700, 3] = float("nan")
    return Setting((x, *DIGITS[1:]), small, epochs=8)


@fault("nan-loss")
def rate_beyond_all_measure() -> Setting:
    split = data("diabetes")
    return Setting(split, lambda: mlp(10, 64, 64, 1), epochs=12, lr=20.0, optimizer=torch.optim.SGD)


@fault("divergence")
def maximised_instead_of_minimised() -> Setting:
    return Setting(DIGITS, small, epochs=12, lr=1e-4, options={"maximize": True})


@fault("divergence")
def rate_raised_without_end() -> Setting:
    def schedule(step: int, steps: int) -> float:
        return 1.0 if step < 0.4 * steps else 200.0 ** ((step / steps - 0.4) / 0.6)

    return Setting(
        DIGITS, small, epochs=25, lr=5e-2, optimizer=torch.optim.Adam, schedule=schedule, accuracy=False,
    )  # fmt: skip


@fault("exploding-gradients", "divergence")
def gradients_that_explode() -> Setting:
    def sums(model: nn.Module) -> None:
        for layer in model:
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=0.3)

    return Setting(
        data("diabetes"), lambda: mlp(10, 64, 64, 64, 64, 1), epochs=15, batch=32, lr=0.03, accuracy=False,
        optimizer=torch.optim.Adam, prepare=sums, schedule=lambda step, steps: 60 ** (step / steps),
    )  # fmt: skip


@fault("vanishing-gradients")
def ten_sigmoid_layers() -> Setting:
    def model() -> nn.Module:
        return mlp(64, *[32] * 10, 10, activation=nn.Sigmoid)

    return Setting(DIGITS, model, epochs=15, lr=1e-2, optimizer=torch.optim.SGD, accuracy=False)


@fault("underfitting", "vanishing-gradients")
def ten_sigmoid_layers_with_accuracies() -> Setting:
    return replace(ten_sigmoid_layers(), accuracy=True)


@fault("dead-units")
def relus_dead_from_the_start() -> Setting:
    def kill(model: nn.Module) -> None:
        with torch.no_grad():
            model[2].bias.fill_(-100.0)

    return Setting(DIGITS, lambda: mlp(64, 32, 32, 10), epochs=20, prepare=kill, accuracy=False)


@fault("oscillating-loss")
def rate_at_the_edge() -> Setting:
    return Setting(
        DIGITS, small, epochs=20, lr=0.3, optimizer=torch.optim.Adam, accuracy=False,
    )  # fmt: skip


@fault("slow-convergence")
def rate_too_low_for_the_loss() -> Setting:
    return Setting(DIGITS, small, epochs=30, lr=3e-4, optimizer=torch.optim.SGD, accuracy=False)


@fault("convergence-stall")
def optimizer_that_holds_one_bias() -> Setting:
    return replace(frozen_but_for_the_last_bias(), accuracy=False)


@fault("convergence-stall", "underfitting")
def frozen_but_for_the_last_bias() -> Setting:
    def freeze(model: nn.Module) -> None:
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.endswith("2.bias"))

    return Setting(DIGITS, small, epochs=25, lr=1e-3, prepare=freeze)


@fault("lr-exhausted")
def schedule_far_too_short() -> Setting:
    def schedule(step: int, steps: int) -> float:
        return 0.02 ** (step / steps * 6)

    return Setting(DIGITS, small, epochs=25, lr=1e-3, schedule=schedule, accuracy=False)


@fault("lr-exhausted")
def schedule_that_ends_at_a_third() -> Setting:
    def schedule(step: int, steps: int) -> float:
        return max(cosine(min(step, steps // 6), steps // 6), 1e-5)

    return Setting(DIGITS, small, epochs=24, lr=3e-4, schedule=schedule)


@fault("resource-inefficiency")
def idle_gpu() -> Setting:
    used = np.random.default_rng(0).normal(38, 6, 100)
    return Setting(DIGITS, small, epochs=20, lr=2e-3, extra={"gpu_util": lambda epoch: float(used[epoch])})


@fault("overtraining")
def trained_far_past_the_best() -> Setting:
    return Setting(few(DIGITS, 250), wide, epochs=40, lr=1e-2, batch=32, options={"weight_decay": 0.0})


@fault("class-imbalance")
def one_class_given_up() -> Setting:
    x, y, vx, vy = DIGITS
    kept = (y != 8) | (torch.arange(len(y)) % 40 == 0)
    return Setting((x[kept], y[kept], vx, vy), small, epochs=6, lr=4e-3, classes_apart=True)


@fault("seeds-disagree", "underfitting", seeds=(0, 1, 2))
def luck_of_the_seed() -> Setting:
    return Setting(
        DIGITS, lambda: mlp(64, 4, 4, 4, 10), epochs=15, lr=2e-2, options={"weight_decay": 0.0},
    )  # fmt: skip


@fault("memory-growing")
def kept_graphs() -> Setting:
    grown = np.random.default_rng(0).normal(0, 3, 100)
    used = {"gpu_memory_mb": lambda epoch: float(900 + 25 * epoch + grown[epoch])}
    return Setting(DIGITS, small, epochs=15, lr=2e-3, extra=used)


@fault("loader-bound")
def slow_disk() -> Setting:
    extra = {"data_wait": lambda epoch: 0.8 + 0.01 * (epoch % 3), "epoch_time_s": lambda epoch: 40.0}
    return Setting(DIGITS, small, epochs=12, lr=2e-3, extra=extra)


# --- healthy --------------------------------------------------------------------------------------------


@healthy
def adam_on_digits() -> Setting:
    return Setting(DIGITS, small, epochs=25, lr=2e-3)


@healthy
def sgd_with_cosine() -> Setting:
    return Setting(
        DIGITS, small, epochs=25, lr=0.05, optimizer=torch.optim.SGD, options={"momentum": 0.9},
        schedule=cosine,
    )  # fmt: skip


@healthy
def with_dropout() -> Setting:
    return Setting(DIGITS, lambda: mlp(64, 128, 10, dropout=0.4), epochs=25, lr=2e-3)


@healthy
def with_augmentation() -> Setting:
    return Setting(DIGITS, lambda: mlp(64, 64, 10), epochs=25, lr=2e-3, augment=noise(0.5))


@healthy
def with_batch_norm() -> Setting:
    return Setting(DIGITS, lambda: mlp(64, 64, 64, 10, norm=True), epochs=20, lr=2e-3)


@healthy
def in_one_cycle() -> Setting:
    return Setting(DIGITS, small, epochs=20, lr=1e-2, schedule=one_cycle)


@healthy
def with_warm_restarts() -> Setting:
    return Setting(DIGITS, small, epochs=30, lr=5e-3, schedule=restarts)


@healthy
def in_small_batches() -> Setting:
    return Setting(DIGITS, small, epochs=8, batch=8, lr=5e-4)


@healthy
def by_loss_alone() -> Setting:
    return Setting(DIGITS, small, epochs=25, lr=2e-3, accuracy=False)


@healthy
def two_classes() -> Setting:
    return Setting(data("cancer"), lambda: nn.Linear(30, 2), epochs=25, batch=32, lr=5e-3)


@healthy
def hundred_samples_of_wine() -> Setting:
    return Setting(data("wine"), lambda: mlp(13, 16, 3), epochs=30, batch=16, lr=3e-3)


@healthy
def a_regression() -> Setting:
    return Setting(data("diabetes"), lambda: mlp(10, 16, 1), epochs=20, batch=32, lr=3e-3)


@healthy
def a_linear_regression() -> Setting:
    return Setting(data("diabetes"), lambda: nn.Linear(10, 1), epochs=40, batch=32, lr=1e-2, schedule=cosine)


@healthy
def an_autoencoder() -> Setting:
    x, _, vx, _ = DIGITS
    return Setting((x, x, vx, vx), lambda: mlp(64, 32, 64), epochs=30, lr=2e-3)


@healthy
def three_epochs() -> Setting:
    return Setting(DIGITS, wide, epochs=3, lr=3e-3)


@healthy
def one_epoch() -> Setting:
    return Setting(DIGITS, wide, epochs=1, batch=8, lr=3e-3)


@healthy
def with_step_decay() -> Setting:
    def schedule(step: int, steps: int) -> float:
        return 0.1 ** sum(step >= share * steps for share in (0.5, 0.75))

    return Setting(DIGITS, small, epochs=30, lr=5e-3, schedule=schedule)


@healthy
def busy_gpu() -> Setting:
    used = np.random.default_rng(1).normal(86, 5, 100)
    extra = {"gpu_util": lambda epoch: float(used[epoch]), "data_wait": lambda epoch: 0.1}
    return Setting(DIGITS, small, epochs=20, lr=2e-3, extra=extra)


@healthy
def long_with_weight_decay() -> Setting:
    return Setting(DIGITS, small, epochs=50, lr=2e-3, options={"weight_decay": 0.3}, schedule=cosine)


@healthy
def with_an_early_plateau() -> Setting:
    def shrink(model: nn.Module) -> None:
        for layer in model:
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=0.02)

    return Setting(
        DIGITS, lambda: mlp(64, 32, 32, 32, 10, activation=nn.Tanh), epochs=40, lr=0.05, prepare=shrink,
        optimizer=torch.optim.SGD, options={"momentum": 0.9},
    )  # fmt: skip
