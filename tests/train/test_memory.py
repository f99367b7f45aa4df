"""Out of memory: the same step in smaller pieces, nothing of the failed one left, and every change said."""

from __future__ import annotations

import copy
import gc
import json
import subprocess
import sys
import textwrap
import weakref
from typing import Any

import pytest
import torch
from setups import digits, loader, net, same_weights
from torch import Tensor, nn
from torch.utils.data import DataLoader

from nbtrain.train.out_of_memory import drop_frames, is_out_of_memory

CE = nn.CrossEntropyLoss()
OOM = "CUDA out of memory. Tried to allocate 2.00 GiB"


class Short(nn.Module):
    """A model that has room for `most` samples at a time from a given call on; where: forward or backward."""

    def __init__(
        self, inner: nn.Module, most: int, *, where: str = "forward", training_only: bool = True
    ) -> None:
        super().__init__()
        self.inner, self.most, self.where, self.training_only = inner, most, where, training_only
        self.live, self.failures, self.seen = False, 0, []

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.inner[0](x)
        counts = self.training or not self.training_only
        if self.live and counts and len(x) > self.most:
            self.failures += 1
            self.seen.append(weakref.ref(hidden))
            if self.where == "forward":
                torch.rand(3)  # drawn before it fails: has to be taken back
                self.inner[1:](hidden)
                raise torch.OutOfMemoryError(OOM)
            hidden.register_hook(self.fail)
        return self.inner[1:](hidden)

    def fail(self, gradient: Tensor) -> None:
        raise torch.OutOfMemoryError(OOM)


def by_hand(model: nn.Module, optimizer: Any, batches: Any, parts: Any) -> None:
    """A plain loop; `parts(step)` says into how many equal parts a batch is cut."""
    model.train()
    for step, (x, y) in enumerate(batches, start=1):
        optimizer.zero_grad()
        n = parts(step)
        for part_x, part_y in zip(x.chunk(n), y.chunk(n), strict=True):
            (CE(model(part_x), part_y) / n).backward()
        optimizer.step()


def adam(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), lr=1e-2)


def begun(run: Any, model: Short) -> Any:
    """Start a planned run whose model fails only from now on, seeded; returns it ended."""
    model.live = True
    torch.manual_seed(5)
    return run.start().wait(60)


def alerts(run: Any) -> list[Any]:
    return [alert for alert in run.alerts if alert.rule == "out-of-memory"]


@pytest.mark.parametrize("where", ["forward", "backward"])
@pytest.mark.parametrize(("most", "parts"), [(8, 2), (4, 4), (1, 16)])
def test_the_step_is_the_same_in_pieces(planned: Any, where: str, most: int, parts: int) -> None:
    """Weights, statistics and draws are to the bit those of a run that accumulated by hand from the start."""
    model = Short(net(dropout=0.3, norm=most > 1), most, where=where)
    theirs = copy.deepcopy(model.inner)
    batches = list(loader(64))
    run = begun(planned(model, batches, optimizer=adam(model), epochs=1), model)
    torch.manual_seed(5)
    by_hand(theirs, adam(theirs), batches, lambda step: parts)

    assert str(run.status) == "completed", run.error
    assert same_weights(model.inner, theirs)
    assert run.history["train_loss"].notna().all()
    assert model.failures == {2: 1, 4: 2, 16: 4}[parts], "what fits is kept for the rest of the run"


def test_the_change_is_said_and_kept(planned: Any) -> None:
    """An alert with the sizes and what it means for batch norms, an event of the manifest, a line of log."""
    model = Short(net(norm=True), 8)
    run = begun(planned(model, list(loader(64)), epochs=1), model)
    (alert,) = alerts(run)
    assert "in the forward" in alert.issue
    assert "at most 8 samples, of 16" in alert.issue
    assert "batch norms see the smaller pieces" in alert.recommended
    assert "--accumulate 2" in alert.recommended
    assert OOM in alert.evidence
    (event,) = json.loads((run.dir / "manifest.json").read_text())["events"]
    assert (event["kind"], event["step"], event["where"]) == ("out-of-memory", 1, "forward")
    assert event["samples"] == {"from": 16, "to": 8}
    assert "out of memory at step 1" in (run.dir / "logs" / "training.log").read_text()


def test_accuracy_and_samples_count_each_sample_once(planned: Any) -> None:
    """What the failed attempt had counted is taken back."""
    model = Short(net(), 4, where="backward")
    batches = list(loader(64))
    run = begun(
        planned(model, batches, optimizer=torch.optim.SGD(model.parameters(), lr=0.0), epochs=1), model
    )
    with torch.no_grad():
        hits = sum(float((model.inner(x).argmax(1) == y).sum()) for x, y in batches)
    assert run.epochs["train_acc"].iloc[0] == pytest.approx(hits / 64)
    assert run.progress.step == 4


@pytest.mark.parametrize("where", ["forward", "backward"])
def test_nothing_of_the_failed_step_is_alive(planned: Any, where: str) -> None:
    """No tensor of a failed attempt lives on, neither in frames nor in graphs."""
    model = Short(net(), 4, where=where)
    run = begun(planned(model, list(loader(64)), epochs=1), model)
    assert str(run.status) == "completed"
    gc.collect()
    assert len(model.seen) == 2
    assert [one() for one in model.seen] == [None, None]


def test_a_single_sample_that_does_not_fit_ends_the_run(planned: Any) -> None:
    """The run fails with what would help, and without a traceback of ours."""
    model = Short(net(), 0)
    run = begun(planned(model, list(loader(64)), epochs=1), model)
    assert str(run.status) == "failed"
    assert "does not fit into memory even with a single sample" in run.stop_reason
    assert "gradient checkpointing" in run.error
    assert model.failures == 5, "16, 8, 4, 2, 1"


def test_a_loss_that_compares_samples_is_said_to_change(planned: Any) -> None:
    """Where the loss is no mean over samples, the alert says that pieces are not exactly the batch."""

    def contrast(output: Tensor, target: Tensor) -> Tensor:
        return (output @ output.T).logsumexp(1).mean()

    model = Short(net(), 8)
    run = begun(planned(model, list(loader(64)), loss=contrast, epochs=1), model)
    assert "not exactly that of the batch" in alerts(run)[0].recommended


def test_a_sum_over_samples_stays_a_sum(planned: Any) -> None:
    """A loss with reduction='sum' adds up over the pieces as over the batch."""
    torch.manual_seed(0)
    model = Short(net(), 8)
    theirs = copy.deepcopy(model.inner)
    loss, batches = nn.CrossEntropyLoss(reduction="sum"), list(loader(64))
    run = begun(
        planned(model, batches, loss=loss, optimizer=torch.optim.SGD(model.parameters(), lr=1e-3), epochs=1),
        model,
    )
    optimizer = torch.optim.SGD(theirs.parameters(), lr=1e-3)
    for x, y in batches:
        optimizer.zero_grad()
        loss(theirs(x), y).backward()
        optimizer.step()
    assert str(run.status) == "completed"
    for ours, other in zip(model.inner.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(ours, other, atol=1e-6)


def test_validation_is_cut_too(planned: Any) -> None:
    """A validation batch that does not fit is judged in pieces, with the same numbers."""
    model = Short(net(norm=True), 30, training_only=False)
    val = DataLoader(digits(100, seed=1), batch_size=100)
    run = begun(
        planned(model, list(loader(64)), val=val, epochs=2, metrics={"one": lambda o, y: o.sum(1).mean()}),
        model,
    )
    assert str(run.status) == "completed", run.error
    (first, second) = alerts(run)
    assert "in the validation" in first.issue
    assert "at most 25 samples, of 50" in second.issue
    x, y = next(iter(val))
    model.live = False
    with torch.no_grad():
        output = model.eval()(x)
    assert run.epochs["val_loss"].iloc[-1] == pytest.approx(float(CE(output, y)), rel=1e-5)
    assert run.epochs["val_acc"].iloc[-1] == pytest.approx(float((output.argmax(1) == y).float().mean()))
    assert run.epochs["val_one"].iloc[-1] == pytest.approx(float(output.sum(1).mean()), rel=1e-4)


class ShortAdam(torch.optim.Adam):
    """Adam that runs out of memory half way through its update: some weights moved, some state made."""

    fail_at: set[int] = set()  # noqa: RUF012
    taken = 0

    def step(self, closure: Any = None) -> Any:
        self.taken += 1
        if self.taken in self.fail_at:
            parameters = self.param_groups[0]["params"]
            kept = [p.grad for p in parameters[1:]]
            for parameter in parameters[1:]:
                parameter.grad = None
            super().step(closure)
            for parameter, gradient in zip(parameters[1:], kept, strict=True):
                parameter.grad = gradient
            self.state[parameters[1]] = {"step": torch.tensor(1.0)}  # without exp_avg: a KeyError next time
            raise torch.OutOfMemoryError(OOM)
        return super().step(closure)


@pytest.mark.parametrize("at", [1, 3])
def test_a_half_made_update_goes_back(planned: Any, at: int) -> None:
    """Without a checkpoint the weights go back to where the run began, and the batch is taken from there."""
    model = net()
    theirs = copy.deepcopy(model)
    optimizer = ShortAdam(model.parameters(), lr=1e-2)
    optimizer.fail_at = {at}
    batches = list(loader(64))
    run = planned(model, batches, optimizer=optimizer, epochs=1).start().wait(60)
    by_hand(theirs, adam(theirs), batches[at - 1 :], lambda step: 1)

    assert str(run.status) == "completed", run.error
    assert same_weights(model, theirs)
    (alert,) = alerts(run)
    assert "in the optimizer's step" in alert.issue
    assert "the weights it began with" in alert.issue
    assert run.progress.step == 4


def test_a_half_made_update_goes_back_to_the_checkpoint(planned: Any) -> None:
    """With a checkpoint on disk that is what it goes back to."""
    model = net()
    optimizer = ShortAdam(model.parameters(), lr=1e-2)
    optimizer.fail_at = {4}
    run = planned(model, list(loader(96)), optimizer=optimizer, epochs=1, checkpoint_every=2).start().wait(60)
    assert str(run.status) == "completed", run.error
    assert "the checkpoint of step 2" in alerts(run)[0].issue


def test_an_update_that_never_fits_ends_the_run(planned: Any) -> None:
    """Twice in a row it is given up, with the weights of the last good state."""
    model = net()
    before = copy.deepcopy(model)
    optimizer = ShortAdam(model.parameters(), lr=1e-2)
    optimizer.fail_at = set(range(1, 100))
    run = planned(model, list(loader(64)), optimizer=optimizer, epochs=1).start().wait(60)
    assert str(run.status) == "failed"
    assert "an optimizer with less state" in run.error
    del before


def test_a_checkpoint_that_does_not_fit_is_said(planned: Any) -> None:
    """Running out of memory while saving costs the checkpoint, not the run."""

    class Unsaved(nn.Sequential):
        live = False

        def state_dict(self, *args: Any, **keywords: Any) -> Any:
            if self.live:
                raise torch.OutOfMemoryError(OOM)
            return super().state_dict(*args, **keywords)

    model = Unsaved(*net())
    run = planned(model, list(loader(64)), epochs=2)
    model.live = True
    run.start().wait(60)
    assert str(run.status) == "completed"
    assert any("could not be saved" in alert.issue for alert in run.alerts)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError(OOM), True),
        (MemoryError(), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED. This error may appear"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("CUDA out of memory"), False),
    ],
)
def test_running_out_of_memory_is_recognised(error: BaseException, expected: bool) -> None:
    """By type first, then by the texts of allocators and libraries."""
    assert is_out_of_memory(error) is expected


def test_frames_are_dropped_with_their_causes() -> None:
    """An exception raised while another was handled keeps neither's frames alive."""

    def inner() -> None:
        held = torch.zeros(3)
        alive.append(weakref.ref(held))
        raise RuntimeError("first")

    alive: list[Any] = []
    try:
        try:
            inner()
        except RuntimeError as first:
            held = torch.ones(3)
            alive.append(weakref.ref(held))
            del held
            raise torch.OutOfMemoryError(OOM) from first
    except torch.OutOfMemoryError as error:
        kept = error
        drop_frames(error)
    gc.collect()
    assert [one() for one in alive] == [None, None]
    assert str(kept) == OOM


def test_a_real_shortage_of_memory_is_survived(tmp_path: Any) -> None:
    """In a process with a limit on its memory a batch that does not fit is trained in pieces."""
    script = textwrap.dedent(
        f"""
        import resource, torch
        from torch import nn
        import nbtrain
        torch.set_num_threads(1)
        options = dict(no_val=True, epochs=1, dir={str(tmp_path)!r}, loss=nn.CrossEntropyLoss())
        small = [(torch.randn(4, 2), torch.randint(0, 2, (4,)))]
        nbtrain.train(nn.Linear(2, 2), small, **options).wait()  # everything is loaded before the limit
        model = nn.Sequential(nn.Linear(16, 8000), nn.ReLU(), nn.Linear(8000, 2))
        batches = [(torch.randn(4096, 16), torch.randint(0, 2, (4096,))) for _ in range(2)]
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        room = 300 * 1024**2  # an activation of the whole batch takes 131 MB, a step three of them
        resource.setrlimit(resource.RLIMIT_AS, (used + room, used + room))
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
        run = nbtrain.train(model, batches, optimizer=optimizer, **options).wait()
        said = [alert.issue for alert in run.alerts if alert.rule == "out-of-memory"]
        print(run.status, run.progress.step, said, run.error)
        """
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.stdout.startswith("completed 2 ["), done.stdout + done.stderr
    assert "pieces of at most" in done.stdout


def test_a_plan_says_that_a_batch_does_not_fit(planned: Any) -> None:
    """The rehearsal tells a shortage of memory from a fault in the code, and says what the run does."""
    model = Short(net(), 8)
    model.live = True
    text = planned(model, list(loader(64)), epochs=1).plan.report().to_markdown()
    assert "One batch does not fit into memory" in text
    assert "failed in your code" not in text
