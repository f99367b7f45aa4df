"""`--fast`: what is tried leaves no trace, what is kept trains the same, and all of it is said."""

from __future__ import annotations

import copy
import itertools
import math
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from setups import loader, net, same_weights
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import nbtrain
from nbtrain.errors import UsageError
from nbtrain.running.run import Run
from nbtrain.train.batch import make_task
from nbtrain.train.fast import candidates as family
from nbtrain.train.fast import trying
from nbtrain.train.fast.agreement import disagreement
from nbtrain.train.fast.candidate import REDUCED, ROUNDING, Scene, Setting
from nbtrain.train.fast.candidates import compiled, together
from nbtrain.train.fast.chosen import Chosen, candidates
from nbtrain.train.fast.table import Trials
from nbtrain.train.fast.timing import Comparison
from nbtrain.train.hashes import differences, hashes
from nbtrain.train.options import TrainOptions
from nbtrain.train.precision import Precision

Train = Callable[..., Run]
ON_CPU = ["bf16", "channels-last", "fused", "together"]


class Pictures(nn.Module):
    """Convolutions, batch norm unless told otherwise, dropout, and a count of its calls."""

    def __init__(self, *, norm: bool = True, dropout: float = 0.1) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4) if norm else nn.Identity()
        self.second = nn.Conv2d(4, 6, 3)
        self.dropout, self.head = nn.Dropout(dropout), nn.Linear(6, 3)
        self.calls, self.seen = 0, []

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        self.seen.append(len(pictures))
        inner = self.second(torch.relu(self.norm(self.first(pictures))))
        return self.head(self.dropout(inner.mean((2, 3))))


def pictures(samples: int = 48, batch_size: int = 8) -> DataLoader:
    generator = torch.Generator().manual_seed(1)
    targets = torch.randint(0, 3, (samples,), generator=generator)
    inputs = torch.randn(samples, 3, 8, 8, generator=generator) + targets[:, None, None, None]
    return DataLoader(TensorDataset(inputs, targets), batch_size=batch_size, shuffle=True)


def made(seed: int = 0, **options: Any) -> tuple[Pictures, torch.optim.AdamW]:
    """A model and its optimizer, which has stepped twice."""
    torch.manual_seed(seed)
    model = Pictures(**options)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for inputs, targets in list(pictures())[:2]:
        nn.functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
    return model, optimizer


@pytest.fixture
def much_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let trying take as long as it likes, and have no compiler: compiling has tests of its own."""
    monkeypatch.setattr(trying, "TRYING_SHARE", 1e9)
    monkeypatch.setattr(compiled, "no_compiler", lambda device: "no C++ compiler on this machine")
    yield


def half_the_time(before: Any, after: Any, step_s: float) -> Comparison:
    """Take both ways, and say that the second took half as long."""
    before(1), after(1)
    return Comparison((1e-3,) * 8, (0.5e-3,) * 8)


@pytest.fixture
def all_win(much_time: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take both ways as often as trying does, and let the newer one win: what a clock says is left out."""

    monkeypatch.setattr(trying, "compare", half_the_time)


def planned_fast(planned: Train, model: nn.Module, data: Any, **options: Any) -> Trials:
    return planned(model, data, fast=True, **options).plan.trials


def verdicts(trials: Trials) -> dict[str, tuple[str, str]]:
    return {trial.id: (trial.verdict, trial.why) for trial in trials.trials}


# --- trying leaves no trace ---------------------------------------------------------------------------------


def everything(model: nn.Module, optimizer: Any, scheduler: Any, data: Any) -> dict[str, str]:
    return hashes(model, optimizer, scheduler=scheduler, loader=data)


def layout(model: Pictures, optimizer: Any) -> list[Any]:
    """Where the weights lie and how, what the optimizer is made of, what the model counted."""
    weights = [(id(p), p.data_ptr(), p.stride(), p.requires_grad) for p in model.parameters()]
    state = [
        (key, id(value), value.stride()) for one in optimizer.state.values() for key, value in one.items()
    ]
    groups = [{key: group[key] for key in group if key != "params"} for group in optimizer.param_groups]
    counted = model.calls, model.seen[:]
    return [weights, state, groups, dict(optimizer.defaults), sorted(vars(optimizer)), counted]


def test_trying_puts_everything_back_to_the_bit(planned: Train, all_win: None) -> None:
    """Weights, statistics, optimizer, scheduler, modes, counts, generators and memory are as before."""
    model, optimizer = made()
    model.norm.eval()
    scheduler, data = torch.optim.lr_scheduler.StepLR(optimizer, 2), pictures()
    plain = made()
    planned(plain[0], data, optimizer=plain[1])  # the rehearsal, whose own traces are its tests' affair
    before, place = everything(model, optimizer, scheduler, data), layout(model, optimizer)
    trials = planned_fast(planned, model, data, optimizer=optimizer, scheduler=scheduler)

    assert set(trials.kept) == {"bf16", "channels-last", "fused"}
    assert differences(before, everything(model, optimizer, scheduler, data)) == ()
    assert layout(model, optimizer) == place
    assert not model.norm.training and model.training


@pytest.mark.parametrize("at", [25, 40, 57])
def test_trying_that_is_interrupted_puts_everything_back(planned: Train, all_win: None, at: int) -> None:
    """An interrupt in the middle of a candidate leaves nothing switched on and nothing changed."""
    model, optimizer = made()
    data, calls, raised = pictures(), itertools.count(1), threading.Event()

    def loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        if next(calls) == at:
            raised.set()
            raise KeyboardInterrupt
        return nn.functional.cross_entropy(output, target)

    before, place = everything(model, optimizer, None, data), layout(model, optimizer)
    with pytest.raises(KeyboardInterrupt):
        planned(model, data, optimizer=optimizer, loss=loss, fast=True)

    assert raised.is_set()
    assert differences(before, everything(model, optimizer, None, data)) == ()
    assert layout(model, optimizer) == place


@pytest.mark.parametrize("candidate", candidates(), ids=lambda candidate: candidate.id)
def test_each_candidate_keeps_the_rules_of_its_family(candidate: Any) -> None:
    """A candidate says what it does and where it is of no use; switched on and off it leaves no trace."""
    model, optimizer = made()
    batch = next(iter(pictures()))
    scene = Scene(model, optimizer, torch.device("cpu"), TrainOptions(accumulate=2), batch)
    text = import_module(f"{family.__name__}.{candidate.id.replace('-', '_')}").__doc__
    before, place = everything(model, optimizer, None, None), layout(model, optimizer)
    why = candidate.unfit(scene)

    assert "What it does: " in text
    assert isinstance(why, str) and not why.endswith(".")
    if not why:
        back = candidate.switch_on(scene)
        back()
    assert differences(before, everything(model, optimizer, None, None)) == ()
    assert layout(model, optimizer) == place


# --- what is kept -------------------------------------------------------------------------------------------


def test_a_run_trains_with_what_was_kept_and_gives_the_objects_back(planned: Train, all_win: None) -> None:
    """The run is fused, in bf16, channels last; then optimizer and weights are as the person made them."""
    model, optimizer = made(norm=False)
    seen: dict[str, Any] = {}

    def loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        seen.update(
            dtype=output.dtype, samples=len(output), fused=optimizer.param_groups[0]["fused"],
            last=model.first.weight.is_contiguous(memory_format=torch.channels_last),
        )  # fmt: skip
        return nn.functional.cross_entropy(output, target)

    run = planned(model, pictures(), optimizer=optimizer, loss=loss, epochs=2, accumulate=2, fast=True)
    seen.clear()
    place = layout(model, optimizer)
    run.start().wait(120)
    kept = run.manifest.hyperparameters["fast"]

    assert str(run.status) == "completed", run.error
    assert sorted(kept["kept"]) == ON_CPU
    assert seen == {"dtype": torch.bfloat16, "samples": 16, "fused": True, "last": True}
    assert [event["kept"] for event in run.manifest.events if event["kind"] == "fast"] == [kept["kept"]]
    assert layout(model, optimizer)[0] == place[0] and layout(model, optimizer)[2:5] == place[2:5]
    assert all(value.is_contiguous() for one in optimizer.state.values() for value in one.values())
    assert set(run.checkpoints.load_latest().model_state) == set(model.state_dict())
    assert not alerts_of_change(run)


def alerts_of_change(run: Run) -> list[str]:
    return [alert.rule for alert in run.alerts if alert.rule.startswith("cell")]


def test_the_final_loss_stays_within_noise(train: Train, all_win: None) -> None:
    """With everything kept that a CPU has, the last epoch's loss is that of the plain run within 2 %."""
    losses = []
    for fast in (False, True):
        model, optimizer = made(norm=False, dropout=0.0)
        run = train(model, pictures(), optimizer=optimizer, epochs=6, accumulate=2, seed=3, fast=fast)
        losses.append(float(run.epochs["train_loss"].iloc[-1]))

    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    assert losses[1] != losses[0]


def test_a_resumed_run_does_the_same_and_tries_nothing(
    train: Train, all_win: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Stopped after a part and resumed, a fast run ends at the weights of the whole one, to the bit."""
    whole, optimizer = made(norm=False)
    train(whole, pictures(), optimizer=optimizer, epochs=4, accumulate=2, seed=3, fast=True, name="whole")
    part, optimizer = made(norm=False)
    options = {"epochs": 4, "accumulate": 2, "seed": 3, "fast": True, "name": "part"}
    train(part, pictures(), optimizer=optimizer, max_steps=7, **options)
    again, optimizer = made(5, norm=False)
    monkeypatch.setattr(trying, "try_out", pytest.fail)
    run = nbtrain.train(
        again, pictures(), optimizer=optimizer, loss=nn.CrossEntropyLoss(), no_val=True, resume=True,
        name="part", dir=tmp_path / "runs", max_steps=1000,
    ).wait(120)  # fmt: skip

    assert str(run.status) == "completed", run.error
    assert same_weights(whole, again)
    assert {trial.why for trial in run.plan.trials.trials} == {"as in the run that goes on"}
    assert not [text for text in run.plan.warnings if "fast" in text or "precision" in text]
    assert not optimizer.param_groups[0]["fused"]


def test_what_cannot_be_had_again_is_said(planned: Train, much_time: None) -> None:
    """A resumed run on a machine without what was kept goes on without it, and the plan says why."""
    model, optimizer = made()
    options = TrainOptions(fast=("tf32", "fused", "warp-drive"))
    plan = planned(model, pictures(), optimizer=optimizer).plan
    from nbtrain.train.fast.planned import made_faster

    plan.work.options = options
    trials, _ = made_faster(plan.work, plan.rehearsal, plan.estimate, plan.total_steps)

    assert trials.kept == ("fused",)
    assert verdicts(trials)["tf32"] == ("not tried", "kept then, and not to be had now: no CUDA")
    assert "not known here" in verdicts(trials)["warp-drive"][1]
    assert [one.id for one in plan.work.chosen.kept] == ["fused"]


# --- what is not kept ---------------------------------------------------------------------------------------


def test_what_trains_otherwise_is_not_kept(planned: Train, all_win: None) -> None:
    """A loss that is a sum would grow with joined batches: they are not kept, with the numbers."""

    def summed(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(output, target, reduction="sum")

    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    trials = planned_fast(planned, model, loader(96), loss=summed, accumulate=3, optimizer=optimizer)
    verdict, why = verdicts(trials)["together"]

    assert verdict == "not kept" and "losses of 10 steps differ by" in why and "is allowed" in why
    assert "fused" in trials.kept


def test_what_fails_is_not_kept_and_the_rest_is_tried(planned: Train, all_win: None) -> None:
    """A formula without bfloat16 costs that candidate alone."""

    def loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        if output.dtype is torch.bfloat16:
            raise RuntimeError("no bfloat16 here")
        return nn.functional.cross_entropy(output, target)

    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    trials = planned_fast(planned, model, loader(96), loss=loss, optimizer=optimizer)

    assert verdicts(trials)["bf16"] == ("not kept", "it failed here (RuntimeError: no bfloat16 here)")
    assert trials.kept == ("fused",)


def test_a_short_run_tries_nothing_and_is_as_without(planned: Train) -> None:
    """Where trying would take more than its share nothing is tried, that is said, and no weight differs."""
    weights = []
    for fast in (False, True):
        model = net(dropout=0.3)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        run = planned(model, loader(shuffle=True), optimizer=optimizer, epochs=1, seed=2, fast=fast)
        run.start().wait(60)
        weights.append(model)

    assert same_weights(*weights)
    assert run.plan.trials.remark.startswith("Nothing is tried: it would take")
    assert {trial.verdict for trial in run.plan.trials.trials} == {"not tried"}
    assert "5 % of the run is" in run.plan.report().to_markdown()


def test_nothing_is_tried_beside_another_run(planned: Train, much_time: None) -> None:
    """Timings beside a run that trains would tell nothing."""
    other = planned(net(), loader(4000), epochs=1000).start()
    trials = planned_fast(planned, net(), loader())
    other.stop()

    assert "another run trains now" in trials.remark


def lbfgs(model: nn.Module) -> dict[str, Any]:
    return {"optimizer": torch.optim.LBFGS(model.parameters())}


def fused(model: nn.Module) -> dict[str, Any]:
    return {"optimizer": torch.optim.SGD(model.parameters(), lr=0.1, fused=True)}


def foreach(model: nn.Module) -> dict[str, Any]:
    return {"optimizer": torch.optim.Adam(model.parameters(), foreach=True)}


@pytest.mark.parametrize(
    ("options", "candidate", "why"),
    [
        (lambda model: {"precision": "32"}, "bf16", "you set precision 32"),
        (lambda model: {}, "tf32", "no CUDA"),
        (lambda model: {}, "prefetch", "no CUDA"),
        (lambda model: {}, "channels-last", "no 2-d convolutions"),
        (foreach, "fused", "you set foreach"),
        (lambda model: {"optimizer": torch.optim.RMSprop(model.parameters())}, "fused", "no fused RMSprop"),
        (fused, "fused", "on already"),
        (lambda model: {}, "together", together.OTHER_TRAINING),
        (lambda model: {}, "compiled", "no C++ compiler on this machine"),
        (lbfgs, "bf16", "see above"),
    ],
)
def test_what_does_not_fit_is_said(
    planned: Train, all_win: None, options: Callable[[nn.Module], dict[str, Any]], candidate: str, why: str
) -> None:
    """Each candidate that is not tried says why, in a clause, in the plan's table too."""
    model = net()
    run = planned(model, loader(), fast=True, **options(model))
    text = run.plan.report().to_text(300)

    assert verdicts(run.plan.trials)[candidate] == ("not tried", why)
    assert why in text and "not tried" in text


def test_the_plan_shows_before_and_after(planned: Train, all_win: None) -> None:
    """The table has each candidate's milliseconds before and after, verdict, reason and effect."""
    model = net()
    plan = planned(model, loader(), optimizer=torch.optim.AdamW(model.parameters()), fast=True).plan
    text = plan.report().to_text(300)
    row = next(line for line in text.splitlines() if line.startswith("fused optimizer"))

    assert row.split()[2:5] == ["1", "0.5", "kept"]
    assert "50 % less time a step" in row and "other rounding" in row
    assert "A step takes 0.5 ms instead of 1 ms" in text
    assert plan.to_dict()["config"]["fast"]["kept"] == ["bf16", "fused"]
    assert "bf16 autocast *" in text and "steps as timed by --fast" in text


# --- the parts ----------------------------------------------------------------------------------------------


def test_joined_batches_are_one_step_with_the_same_samples() -> None:
    """Tuples, mappings and tensors are joined along the samples; other forms and sizes stay apart."""
    one, two = (torch.ones(2, 3), torch.zeros(2)), (torch.zeros(2, 3), torch.ones(2))
    weights = torch.tensor([1.0, 2.0, 3.0])
    (batch,) = together.joined([one, two])

    assert torch.equal(batch[0], torch.cat([one[0], two[0]])) and isinstance(batch, tuple)
    (named,) = together.joined([{"x": one[0], "w": weights}, {"x": two[0], "w": weights.clone()}])
    assert named["x"].shape == (4, 3) and torch.equal(named["w"], weights)
    for apart in ([one, (torch.ones(1, 3), torch.ones(1))], [{"t": ["a", "b"]}, {"t": ["c", "d"]}], [one]):
        assert together.joined(apart) is apart


def test_faster_means_beyond_margin_and_noise() -> None:
    """A gain within 5 %, or within what the timings scatter by, is none."""
    steady = tuple(1.0 + 0.001 * (n % 3) for n in range(8))
    scattered = (1.0, 2.0, 0.5, 1.5, 0.7, 1.2, 3.0, 0.9)

    assert Comparison(steady, tuple(0.90 * t for t in steady)).is_faster
    assert not Comparison(steady, tuple(0.96 * t for t in steady)).is_faster
    assert not Comparison(steady, tuple(1.10 * t for t in steady)).is_faster
    assert not Comparison(scattered, tuple(0.80 * t for t in scattered)).is_faster


def test_losses_agree_within_what_the_effect_allows() -> None:
    """Fewer digits may differ by 2 %, other rounding by a thousandth; random draws widen both."""
    there = [1.0, 0.9, 0.8]

    def by(share: float, effect: str, redrawn: list[float] = there) -> bool:
        return disagreement([value * (1 + share) for value in there], there, redrawn, effect) == ""

    assert by(0.015, REDUCED) and not by(0.03, REDUCED)
    assert by(5e-4, ROUNDING) and not by(2e-3, ROUNDING)
    assert by(0.05, ROUNDING, [1.1, 0.8, 0.9])
    assert "not finite" in disagreement([1.0, math.nan, 1.0], there, there, REDUCED)


def test_bad_words_are_refused() -> None:
    """`fast` is a switch; a followed loop, cell or block, refuses it in words with a way on."""
    with pytest.raises(UsageError, match="`fast` is 'very'; it is on or off"):
        nbtrain.train(net(), loader(), no_val=True, fast="very")
    with pytest.raises(UsageError, match="is followed as it is written") as raised:
        nbtrain.watch(fast=True)
    assert "%train plan --fast" in str(raised.value.to_dict())


# --- torch.compile ------------------------------------------------------------------------------------------


def plain_setting(model: nn.Module) -> tuple[Setting, Scene]:
    batch = next(iter(loader()))
    task = make_task(model, nn.CrossEntropyLoss(), batch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scene = Scene(model, optimizer, torch.device("cpu"), TrainOptions(), batch)
    return Setting(Precision("32", "cpu", None, scaled=False), task), scene


def test_a_compiler_that_gives_up_costs_the_speed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """From its first failure on the plain model is called, that is told, and other errors come through."""
    model = net()
    setting, scene = plain_setting(model)
    errors = [torch._dynamo.exc.TorchDynamoException("a graph it cannot make")]

    def failing(inputs: torch.Tensor) -> torch.Tensor:
        raise errors[0]

    monkeypatch.setattr(torch, "compile", lambda model: failing)
    chosen = Chosen(setting).with_one(compiled.CANDIDATE, scene)
    expected = setting.task.loss(model, scene.batch)[0]

    assert chosen.trouble == ""
    assert torch.equal(chosen.setting.task.loss(model, scene.batch)[0], expected)
    assert "a graph it cannot make" in chosen.trouble
    errors[0] = ValueError("the person's own")
    with pytest.raises(ValueError, match="the person's own"):
        Chosen(setting).with_one(compiled.CANDIDATE, scene).setting.task.loss(model, scene.batch)


def test_without_a_compiler_nothing_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without g++ says so."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)

    assert compiled.no_compiler(torch.device("cpu")) == "no C++ compiler on this machine"


def test_compiling_that_takes_too_long_is_not_tried(
    planned: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where compiling takes more than its share of the run it is not tried, with both times."""
    monkeypatch.setattr(trying, "TRYING_SHARE", 1e9)
    monkeypatch.setattr(trying, "MOST_S", 5.0)
    monkeypatch.setattr(compiled, "no_compiler", lambda device: "")
    verdict, why = verdicts(planned_fast(planned, net(), loader()))["compiled"]

    assert verdict == "not tried" and "are left of the 5.0 s" in why


@pytest.mark.slow
@pytest.mark.skipif(bool(compiled.no_compiler(torch.device("cpu"))), reason="needs a C++ compiler")
def test_a_compiled_run_keeps_plain_names(planned: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled, the model in the person's variable is the plain one, checkpoints too, and it has learned."""
    monkeypatch.setattr(trying, "TRYING_SHARE", 1e9)
    monkeypatch.setattr(trying, "PAYS_BACK", 0.0)
    monkeypatch.setattr(trying, "compare", half_the_time)
    model = net()
    before = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    run = planned(model, loader(96), optimizer=optimizer, epochs=4, fast=True)

    assert "compiled" in run.plan.trials.kept, run.plan.trials
    assert same_weights(model, before)
    run.start().wait(120)
    assert str(run.status) == "completed", run.error
    assert type(model) is nn.Sequential and not any("_orig_mod" in name for name in model.state_dict())
    assert set(run.checkpoints.load_latest().model_state) == set(before.state_dict())
    assert float(run.epochs["train_loss"].iloc[-1]) < float(run.epochs["train_loss"].iloc[0])
    assert run.objects.model is model and not run.alerts
