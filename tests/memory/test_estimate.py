"""Memory before the run: the estimate is what a real run of the same steps allocates."""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import nbtrain
from nbtrain.commands._table import command
from nbtrain.commands.spec import Context
from nbtrain.errors import UsageError
from nbtrain.memory import tracing
from nbtrain.memory.loss import task_of
from nbtrain.memory.rough import Activations, count_of, rough_report
from nbtrain.memory.steps import KINDS, How, Traced, told, trace_steps
from nbtrain.memory.storages import StorageTracker
from nbtrain.report.treemap import squarified

CE = nn.CrossEntropyLoss()


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.lstm = nn.Embedding(100, 16), nn.LSTM(16, 32, 2, batch_first=True)
        self.head = nn.Linear(32, 10)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(self.embed(tokens))[0][:, -1])


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(100, 32)
        layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
        self.head = nn.Linear(32, 10)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.head(self.layers(self.embed(tokens)).mean(1))


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.attend, self.out = (
            nn.LayerNorm(width),
            nn.Linear(width, 3 * width),
            nn.Linear(width, width),
        )
        self.feed = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        parts = self.attend(self.norm(x)).view(batch, length, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(seen.transpose(1, 2).reshape(batch, length, width))
        return x + self.feed(x)


class Language(nn.Module):
    """Like GPT-2: learned positions, tied head."""

    def __init__(self, width: int = 32, layers: int = 3, heads: int = 4, words: int = 200) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(words, width), nn.Embedding(256, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.words(tokens) + self.places(torch.arange(tokens.shape[1], device=tokens.device))
        for block in self.blocks:
            x = block(x)
        return F.linear(self.norm(x), self.words.weight)


def tokens(samples: int = 8, length: int = 24, words: int = 100) -> torch.Tensor:
    return torch.randint(0, words, (samples, length))


def classes(samples: int = 8) -> torch.Tensor:
    return torch.randint(0, 10, (samples,))


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.1), nn.Linear(128, 10))


def conv() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10),
    )  # fmt: skip


SETUPS: dict[str, Callable[[], tuple[nn.Module, Any]]] = {
    "mlp": lambda: (mlp(), (torch.randn(32, 64), classes(32))),
    "conv": lambda: (conv(), (torch.randn(8, 3, 32, 32), classes())),
    "lstm": lambda: (Recurrent(), (tokens(), classes())),
    "encoder": lambda: (Encoder(), (tokens(), classes())),
    "gpt": lambda: (Language(), (tokens(words=200), tokens(words=200))),
}
OPTIMIZERS = {
    "adamw": torch.optim.AdamW,
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "adafactor": torch.optim.Adafactor,
}


def real(model: nn.Module, batch: Any, optimizer: Any, accumulate: int = 1, autocast: Any = None) -> Traced:
    """What two real steps of a copy hold."""
    model = copy.deepcopy(model)
    task = task_of(model, None, batch)
    storages = trace_steps(
        model, optimizer(model.parameters()), [batch] * accumulate, task=task, tracker=StorageTracker(),
        how=How(autocast),
    )  # fmt: skip
    return told(storages)


@pytest.mark.parametrize("name", SETUPS)
def test_the_estimate_is_what_a_real_run_allocates(name: str) -> None:
    """Within 1 % of two real steps: perceptron, convolutions, LSTM, encoder, language model."""
    model, batch = SETUPS[name]()
    estimate = nbtrain.estimate_memory(model, batch)
    truth = real(model, batch, torch.optim.AdamW)
    assert estimate.peak_bytes == pytest.approx(truth.peak, rel=0.01)
    for phase, peak in estimate.phases.items():
        assert peak == pytest.approx(truth.of(phase), rel=0.01), phase
    assert sum(estimate.breakdown.values()) == estimate.peak_bytes
    assert estimate.found.phase == truth.phase


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("accumulate", [1, 3])
def test_optimizers_and_accumulation(name: str, accumulate: int) -> None:
    """Each optimizer's own state and temporaries, and gradients that stay over micro-batches, are counted."""
    model, batch = SETUPS["mlp"]()
    make = OPTIMIZERS[name]
    estimate = nbtrain.estimate_memory(
        model, batch, optimizer=make(model.parameters()), accumulate=accumulate
    )
    assert estimate.peak_bytes == pytest.approx(real(model, batch, make, accumulate).peak, rel=0.01)


def test_half_precision() -> None:
    """bf16 autocast is traced as it casts, layer by layer."""
    model, batch = SETUPS["gpt"]()
    estimate = nbtrain.estimate_memory(model, batch, precision="bf16")
    truth = real(model, batch, torch.optim.AdamW, autocast=lambda: torch.autocast("cpu", torch.bfloat16))
    assert estimate.peak_bytes == pytest.approx(truth.peak, rel=0.01)
    assert estimate.peak_bytes < nbtrain.estimate_memory(model, batch).peak_bytes


@pytest.mark.slow
def test_a_language_model_of_160_million() -> None:
    """The promise at the size that people ask about: within 1 % of a real run."""
    model = Language(768, 12, 12, 50_000)
    batch = (tokens(2, 128, 50_000), tokens(2, 128, 50_000))
    estimate = nbtrain.estimate_memory(model, batch)
    assert estimate.peak_bytes == pytest.approx(real(model, batch, torch.optim.AdamW).peak, rel=0.01)


def test_nothing_is_touched() -> None:
    """Weights, gradients, buffers, modes, optimizer state and random generators are as before."""
    model, batch = SETUPS["conv"]()
    optimizer = torch.optim.AdamW(model.parameters())
    before = copy.deepcopy(model.state_dict())
    torch.manual_seed(3)
    state = torch.get_rng_state()
    nbtrain.estimate_memory(model, batch, optimizer=optimizer).to_dict()
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not optimizer.state and all(p.grad is None for p in model.parameters())
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in model.modules())


def test_a_model_without_memory_can_be_asked() -> None:
    """A model on `meta`, too large to exist here, has an estimate all the same."""
    with torch.device("meta"):
        model = nn.Sequential(*[nn.Linear(20_000, 20_000) for _ in range(50)])
    estimate = nbtrain.estimate_memory(model, torch.zeros(1, 20_000), optimizer="SGD")
    assert estimate.breakdown["parameters"] == 4 * 50 * (20_000 * 20_000 + 20_000)


class Decides(nn.Module):
    """Takes another way by a value."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(16, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x) if x.mean() > -1e9 else x


class Experts(nn.Module):
    """Each sample goes to the expert that its gate names; an expert without samples does nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(16, 4)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(16, 64), nn.GELU(), nn.Linear(64, 10)) for _ in range(4)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight, chosen = self.gate(x).softmax(-1).max(-1)
        out = x.new_zeros(len(x), 10)
        for place, expert in enumerate(self.experts):
            at = (chosen == place).nonzero().squeeze(1)
            if at.numel():
                out = out.index_add(0, at, expert(x[at]) * weight[at, None])
        return out


@pytest.mark.parametrize("make", [Decides, Experts])
def test_a_model_that_decides_by_values_is_measured(make: Callable[[], nn.Module]) -> None:
    """Where values decide the way or the shapes, real steps of the batch give the same bytes; said why."""
    model, batch = make(), (torch.randn(64, 16), classes(64))
    estimate = nbtrain.estimate_memory(model, batch)
    assert estimate.basis == "measured" and ("a value decides" in estimate.why or "a shape" in estimate.why)
    assert estimate.peak_bytes == pytest.approx(real(model, batch, torch.optim.AdamW).peak, rel=0.01)
    assert "with 64 samples were measured, because" in estimate.report().to_text()


def test_a_model_that_does_something_else_for_another_batch_still_has_a_largest_one() -> None:
    """What grows with the batch is told from the batch at hand; more samples need more."""
    torch.manual_seed(1)
    model, batch = Experts(), (torch.randn(3, 16), classes(3))
    estimate = nbtrain.estimate_memory(model, batch, memory_gib=0.001)
    assert estimate.largest_batch is not None and 3 < estimate.largest_batch < 100_000
    peaks = [pair.peak for pair in nbtrain.estimate_memory(model, (torch.randn(8, 16), classes(8))).pairs]
    assert peaks[0] > peaks[-1]


def test_a_batch_too_large_to_be_tried_follows_from_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the memory for the batch two small ones and a line do; where those differ, it is said."""
    monkeypatch.setattr(tracing, "free_on", lambda device: 10_000)
    model, batch = Decides(), (torch.randn(64, 16), classes(64))
    estimate = nbtrain.estimate_memory(model, batch)
    assert estimate.peak_bytes == pytest.approx(real(model, batch, torch.optim.AdamW).peak, rel=0.01)
    assert "2 and with 4 samples were measured, and the rest follows" in estimate.report().to_text()
    torch.manual_seed(0)
    with pytest.raises(UsageError, match="take different ways through the model, and one of 64 is too large"):
        nbtrain.estimate_memory(Experts(), (torch.randn(64, 16), classes(64)))


def test_real_steps_are_taken_once_and_within_one_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """No set-up is run twice for one report, and once the time is spent only small batches are."""
    ran: list[tuple[Any, ...]] = []
    real_steps = tracing._real
    monkeypatch.setattr(
        tracing, "_real",
        lambda asked, n: ran.append((asked.accumulate, asked.dtype, n)) or real_steps(asked, n),
    )  # fmt: skip
    nbtrain.estimate_memory(Decides(), (torch.randn(64, 16), classes(64)), memory_gib=1).report()
    assert len(ran) == len(set(ran)) and (1, None, 64) in ran
    ran.clear()
    monkeypatch.setattr(tracing, "MOST_CPU_S", 0.0)
    nbtrain.estimate_memory(Decides(), (torch.randn(64, 16), classes(64)), memory_gib=1).report()
    assert {samples for *_, samples in ran} == {2, 4}


def test_a_batch_that_fails_after_small_ones_went_through_follows_from_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the memory for the batch itself is missing after all, the line through small ones stands."""
    real_steps = tracing._real

    def short_of_memory(asked: Any, samples: int) -> Any:
        if samples > 4:
            raise tracing.CannotEstimate("out of memory")
        return real_steps(asked, samples)

    monkeypatch.setattr(tracing, "_real", short_of_memory)
    assert nbtrain.estimate_memory(Decides(), (torch.randn(64, 16), classes(64))).found.measured == (2, 4)


@pytest.mark.parametrize("loss", [nn.MSELoss(), nn.SmoothL1Loss(reduction="sum"), nn.L1Loss(), nn.BCELoss()])
def test_losses_that_keep_all_their_terms(loss: Any) -> None:
    """A wide regression: torch's mean squared error holds as much memory as its input, others do not."""
    model = nn.Sequential(nn.Linear(4, 500), nn.Sigmoid())
    batch = (torch.randn(64, 4), torch.rand(64, 500))
    estimate = nbtrain.estimate_memory(model, batch, loss=loss)
    model = copy.deepcopy(model)
    truth = told(
        trace_steps(
            model, torch.optim.AdamW(model.parameters()), [batch], task=task_of(model, loss, batch),
            tracker=StorageTracker(),
        )
    )  # fmt: skip
    assert estimate.peak_bytes == pytest.approx(truth.peak, rel=0.01)


def test_lbfgs_is_counted_with_the_history_it_may_fill() -> None:
    """Two vectors of all weights for each step that LBFGS remembers, up to its history."""
    model, batch = nn.Linear(50, 40), (torch.randn(8, 50), torch.randn(8, 40))
    peaks = {
        kept: nbtrain.estimate_memory(
            model, batch, optimizer=lambda p, n=kept: torch.optim.LBFGS(p, max_iter=6, history_size=n)
        ).peak_bytes
        for kept in (2, 5)
    }
    weights = 4 * (50 * 40 + 40)
    assert peaks[5] - peaks[2] == pytest.approx(2 * 3 * weights, rel=0.01)


class Spare(nn.Module):
    """Holds a layer that forward does not use."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.spare = mlp(), nn.Linear(500, 500)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.used(x)


def test_parameters_that_no_loss_reaches_have_no_state() -> None:
    """A layer that forward does not use gets neither gradient nor optimizer state."""
    model, batch = Spare(), (torch.randn(32, 64), classes(32))
    estimate = nbtrain.estimate_memory(model, batch)
    assert estimate.basis == "traced"
    assert estimate.peak_bytes == pytest.approx(real(model, batch, torch.optim.AdamW).peak, rel=0.01)


def test_answers() -> None:
    """The largest batch fits and one more does not; pairs keep the samples of a step; savings are smaller."""
    model = nn.Sequential(*[nn.Sequential(nn.Linear(64, 64), nn.Tanh()) for _ in range(5)])
    batch = (torch.randn(8, 64), torch.randn(8, 64))
    room_gib = 1.3 * nbtrain.estimate_memory(model, batch).peak_bytes / 1024**3
    estimate = nbtrain.estimate_memory(model, batch, memory_gib=room_gib)
    largest = estimate.largest_batch
    assert estimate.fits and largest is not None and largest >= 8
    for samples, fits in ((largest, True), (largest + 1, False)):
        other = (torch.randn(samples, 64), torch.randn(samples, 64))
        assert nbtrain.estimate_memory(model, other, memory_gib=room_gib).fits is fits
    assert [(pair.batch, pair.accumulate) for pair in estimate.pairs] == [(8, 1), (4, 2), (2, 4), (1, 8)]
    for pair in estimate.pairs[1:]:
        other = (torch.randn(pair.batch, 64), torch.randn(pair.batch, 64))
        traced = nbtrain.estimate_memory(model, other, accumulate=pair.accumulate)
        assert pair.peak == pytest.approx(traced.peak_bytes, rel=0.02)
    assert estimate.savings and all(one.peak < estimate.peak_bytes for one in estimate.savings)
    wide = (torch.randn(4096, 64), torch.randn(4096, 64))
    titles = {one.title for one in nbtrain.estimate_memory(model, wide).savings}
    assert "gradient checkpointing" in titles


def test_what_does_not_fit_is_said() -> None:
    """A device that is too small: critical, and that not even one sample fits."""
    model, batch = SETUPS["mlp"]()
    estimate = nbtrain.estimate_memory(model, batch, memory_gib=1e-5)
    assert estimate.fits is False and estimate.largest_batch == 0
    report = estimate.report()
    assert report.tone == "critical" and "Not even a single sample fits" in report.headline


def test_a_gpu_that_is_not_here() -> None:
    """device="cuda" on a machine without one: sizes rounded as CUDA does, its own terms as visible lines."""
    model, batch = SETUPS["mlp"]()
    here, there = (
        nbtrain.estimate_memory(model, batch, device=one, memory_gib=24) for one in ("cpu", "cuda")
    )
    assert all(value % 512 == 0 for value in there.breakdown.values())
    assert not here.beside and {term.label for term in there.beside} >= {"CUDA context", "Allocator slack"}
    assert there.total_bytes == there.peak_bytes + sum(term.n_bytes for term in there.beside)


def test_the_report_renders_everywhere() -> None:
    """HTML with a described picture, Markdown, text and JSON from one report; hostile names escaped."""
    model = nn.Module()
    model.add_module("<b>x", nn.Linear(4, 4))
    model.forward = lambda x: model._modules["<b>x"](x)  # type: ignore[method-assign]
    estimate = nbtrain.estimate_memory(model, torch.zeros(2, 4), memory_gib=1)
    html = estimate.report().to_html()
    assert "<b>x" not in html and "Treemap of the memory" in html
    assert "parameters" in estimate.report().to_markdown()
    data = estimate.to_dict()
    assert data["peak_bytes"] == estimate.peak_bytes and set(data["breakdown"]) == set(KINDS)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"precision": "8"}, "allowed are 32, bf16, 16"),
        ({"accumulate": 0}, "from 1 on"),
        ({"precison": "32"}, "Its options: optimizer"),
        ({"device": "gpu0"}, "examples: cpu, cuda"),
        ({"optimizer": "adamm"}, "Did you mean"),
        ({"loss": nn.NLLLoss(weight=torch.ones(3))}, "cannot be estimated"),
    ],
)
def test_bad_input_is_named(change: dict[str, Any], match: str) -> None:
    """What was passed, what is allowed, what to do."""
    model, batch = SETUPS["mlp"]()
    with pytest.raises(UsageError) as caught:
        nbtrain.estimate_memory(model, batch, **change)
    assert match in str(caught.value)


def test_a_model_with_nothing_to_train() -> None:
    """Frozen altogether: said, with the way out."""
    model = mlp().requires_grad_(False)
    with pytest.raises(UsageError, match="no trainable parameter"):
        nbtrain.estimate_memory(model, (torch.randn(32, 64), classes(32)))


def line(namespace: dict[str, Any] | None, **given: Any) -> Any:
    verb = command("estimate")
    values = {one.dest: [] if one.many else one.default for one in verb.arguments}
    return verb.run(SimpleNamespace(**(values | given)), Context(namespace=namespace))


def test_the_verb_takes_the_notebooks_objects() -> None:
    """`%train estimate` finds model, optimizer, loss and loader; --batch and --optimizer change one thing."""
    model, data = mlp(), torch.utils.data.TensorDataset(torch.randn(64, 64), classes(64))
    names = {
        "model": model, "loader": torch.utils.data.DataLoader(data, batch_size=16), "criterion": CE,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
    }  # fmt: skip
    plain = line(names)
    assert plain.samples == 16 and plain.breakdown["optimizer"] == 0
    assert line(names, batch=64).samples == 64
    assert line(names, optimizer="adam").breakdown["optimizer"] > 0


def test_the_rule_of_thumb_is_called_so() -> None:
    """From numbers alone: parameters, gradients, Adam's state and activations, named as rough."""
    report = line(None, parameters="124M", batch=8, seq=1024, d_model=768, layers=12)
    assert report.data["breakdown"]["parameters"] == 124_000_000 * 4
    assert report.data["breakdown"]["optimizer"] == 2 * 124_000_000 * 4
    assert report.data["breakdown"]["activations"] == 8 * 1024 * 768 * 12 * 4
    assert "Roughly" in report.headline and "rule of thumb" in report.to_text()
    assert count_of("1.5B") == 1_500_000_000
    with pytest.raises(UsageError, match="no number of parameters"):
        count_of("many")
    with pytest.raises(UsageError, match="precision"):
        rough_report(10, Activations(), precision="4")
    with pytest.raises(UsageError, match="--parameters"):
        line(None, seq=3)
    with pytest.raises(UsageError, match="terminal has none"):
        line(None)


def test_a_treemap_fills_its_place() -> None:
    """Areas are in proportion and add up to the whole."""
    from nbtrain.report.charts import Rect

    values = [6.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.0]
    areas = [one.width * one.height for one in squarified(values, Rect(0, 0, 60, 40))]
    assert areas == pytest.approx([value * 100 for value in values])


def test_a_loss_has_as_many_terms_as_its_larger_side() -> None:
    """A stand-in's mean loss is as large as the real one where the input broadcasts to a larger target."""
    small, large = torch.ones(8, 1), torch.ones(8, 100)
    real = torch.ops.aten.mse_loss(small, large).untyped_storage().nbytes()
    with StorageTracker(answers=True) as tracker:
        torch.ops.aten.mse_loss(small.to("meta"), large.to("meta"))

    assert tracker.storages[-1].size == real
