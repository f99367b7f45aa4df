"""bench: every side on the same inputs, honest percentiles, a limit that is judged; no unseen code is run."""

from __future__ import annotations

import copy
import io
import json
import pickle
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import nbtrain
from nbtrain.commands._table import command
from nbtrain.commands.spec import Context
from nbtrain.errors import CheckpointCorrupted, UntrustedCheckpoint, UsageError
from nbtrain.exported.feed import Feed
from nbtrain.exported.runners.runner import Facts
from nbtrain.latency.timing import time_sides
from tests.export.models import ConvNet, batches, mlp, taught

CE = nn.CrossEntropyLoss()
CALLS = 20


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, Path, Path, Path]:
    """One taught model in three formats."""
    folder = tmp_path_factory.mktemp("exported")
    model = taught(mlp(), batches())
    files = [folder / name for name in ("m.onnx", "m.pt2", "m.ts")]
    for file in files:
        assert nbtrain.export(model, batches(), output=file, loss=CE).data["accepted"]
    return (model, *files)


def test_all_formats_stand_beside_pytorch(exported: tuple[nn.Module, Path, Path, Path]) -> None:
    """The contract's numbers for the first file, every side at every size, the same accuracy and classes."""
    model, *files = exported
    before, mode = copy.deepcopy(model.state_dict()), model.training
    report = nbtrain.bench(
        files[0], batches(), against=[*files[1:], model], batch_size=[1, 8], calls=CALLS, loss=CE
    )
    told = report.data
    assert 0 < told["p50_ms"] <= told["p95_ms"] <= told["p99_ms"] and told["samples_per_s"] > 0
    assert told["batch_size"] == 1 and told["calls"] == CALLS and told["limit_ms"] == 50
    assert told["within_limit"] is (told["p99_ms"] <= 50)
    assert [side["kind"] for side in told["sides"]] == ["ONNX", "torch.export", "TorchScript", "PyTorch"]
    assert {side["accuracy"] for side in told["sides"]} == {told["accuracy"]} and told["accuracy"] > 0.9
    assert {side["same_class"] for side in told["sides"]} == {1.0}
    assert all([one["batch_size"] for one in side["batches"]] == [1, 8] for side in told["sides"])
    assert told["file_bytes"] == files[0].stat().st_size and json.dumps(told)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.training is mode
    html = report.to_html()
    assert ("Histogram of the latency with batches of 8" in html and "<svg" in html) or "data:image" in html
    assert "p99, ms" in report.to_text()


class Slow:
    """Runs for a known time, the first calls for longer."""

    kind, facts = "slow", Facts()

    def __init__(self, seconds: float) -> None:
        self.seconds, self.calls = seconds, 0

    def run(self, feed: Feed) -> list[Tensor]:
        self.calls += 1
        time.sleep(0.2 if self.calls <= 2 else self.seconds)
        return []


def test_times_are_the_calls_without_the_warm_up() -> None:
    """A side that sleeps is measured at its sleep, its slow first calls not; calls take turns in blocks."""
    sides = {"a": Slow(0.004), "b": Slow(0.001)}
    found = time_sides(sides, [Feed((torch.zeros(2, 1),), names=("x",), size=2)], calls=20)
    assert [len(one.seconds) for one in found.values()] == [20, 20]
    a, b = found["a"], found["b"]
    assert a.seconds.min() >= 0.004 and b.seconds.min() >= 0.001
    assert a.percentile_ms(50) > b.percentile_ms(50)
    assert a.samples_per_s == pytest.approx(2 * 20 / a.seconds.sum())
    assert a.percentile_ms(95) == pytest.approx(float(np.percentile(a.seconds, 95)) * 1e3)
    slow = time_sides({"s": Slow(0.01)}, [Feed((), size=1)], calls=500, most_seconds=0.05)["s"]
    assert 20 <= len(slow.seconds) < 500


def test_a_limit_is_judged(exported: tuple[nn.Module, Path, Path, Path]) -> None:
    """Over the limit is critical and says so; few calls are said too."""
    model = exported[0]
    report = nbtrain.bench(model, batches(), calls=CALLS, latency_limit=1e-6)
    assert report.tone == "critical" and "over the limit" in report.headline
    assert report.data["within_limit"] is False and "slowest of them" in report.to_text()


def test_a_worse_side_is_said(tmp_path: Path) -> None:
    """An accuracy lost against PyTorch is a note with its points."""
    model, data = taught(mlp(), batches()), batches()
    spoilt = copy.deepcopy(model)
    with torch.no_grad():
        spoilt[3].weight.neg_()
    nbtrain.export(spoilt, data, output=tmp_path / "m.pt2")
    report = nbtrain.bench(tmp_path / "m.pt2", data, against=model, calls=CALLS, loss=CE)
    assert "points less accurate than PyTorch" in report.to_text()


def line(namespace: dict[str, Any] | None, *words: str, **given: Any) -> Any:
    verb = command("bench")
    values = {one.dest: False if one.kind is bool else one.default for one in verb.arguments}
    values |= {"words": list(words), "calls": CALLS, **given}
    return verb.run(SimpleNamespace(**values), Context(namespace=namespace))


def test_the_verb_in_a_notebook(exported: tuple[nn.Module, Path, Path, Path]) -> None:
    """File, model and data are named or found; PyTorch stands beside the file."""
    model, file = exported[:2]
    names = {"model": model, "loader": batches(), "criterion": CE}
    named = line(names, str(file), "model", "loader", batch_size="1,3").data
    found = line(names, str(file)).data
    alone = line(names, "model", "loader").data
    assert [side["name"] for side in named["sides"]] == ["m.onnx", "PyTorch"]
    assert len(named["sides"][0]["batches"]) == 2 and len(found["sides"]) == 2
    assert [side["kind"] for side in alone["sides"]] == ["PyTorch"]
    shaped = line({}, str(file), input_shape=["4"]).data
    assert shaped["random_inputs"] and shaped["accuracy"] is None and len(shaped["sides"]) == 1
    with pytest.raises(UsageError, match="one name too many"):
        line({**names, "more": 1}, str(file), "model", "loader", "more")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": ["gone.onnx"]}, "no exported model"),
        ({"model": ["weights.pt"]}, "holds no program"),
        ({"model": ["m.onnx"], "batch_size": "1,x"}, "whole numbers"),
        ({"model": ["m.onnx"], "device": "tpu"}, "must be cpu or cuda"),
        ({"model": ["m.onnx"], "latency_limit": -1.0}, "above 0"),
        ({"model": ["m.onnx"], "input_shape": ["5"]}, "does not take these inputs"),
        ({"model": ["m.onnx"], "input_shape": []}, "no data"),
    ],
)
def test_what_cannot_be_timed_is_said(
    given: dict[str, Any], said: str, exported: tuple[nn.Module, Path, Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Files that are none, sizes, devices and inputs that do not fit: usage errors that say which."""
    monkeypatch.chdir(exported[1].parent)
    torch.save(exported[0].state_dict(), "weights.pt")
    with pytest.raises(UsageError, match=said):
        line(None, **{"input_shape": ["4"], **given})


def test_damaged_files_are_said(tmp_path: Path) -> None:
    """Cut archives and bytes that are no model: corrupted, not a traceback."""
    for name in ("a.onnx", "b.pt2"):
        (tmp_path / name).write_bytes(b"PK\x03\x04 nothing")
        with pytest.raises(CheckpointCorrupted):
            nbtrain.bench(tmp_path / name, input_shape=(4,))


class Dropper:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_a_program_that_would_run_code_is_refused(
    exported: tuple[nn.Module, Path, Path, Path], tmp_path: Path
) -> None:
    """A pickle planted in a .pt2 is named and never run; --trust is the clear yes."""
    bad, mark = tmp_path / "bad.pt2", tmp_path / "ran"
    with zipfile.ZipFile(exported[2]) as source, zipfile.ZipFile(bad, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if "sample_inputs" in name:
                held = io.BytesIO()
                torch.save(Dropper(mark), held, pickle_module=pickle)
                data = held.getvalue()
            target.writestr(name, data)
    with pytest.raises(UntrustedCheckpoint, match="would run code"):
        nbtrain.bench(bad, input_shape=(4,), calls=CALLS)
    assert not mark.exists()
    assert nbtrain.bench(exported[2], input_shape=(4,), calls=CALLS).data["calls"] == CALLS


def test_a_model_that_cannot_run_a_size_is_said() -> None:
    """The side and the batch size are named."""
    with pytest.raises(UsageError, match="PyTorch does not run with 4 samples"):
        nbtrain.bench(ConvNet(), batches("numbers"), batch_size=4)


@pytest.mark.parametrize("calls", [0, -1, 2.5, True])
def test_a_number_of_calls_that_is_none_is_refused(calls: Any) -> None:
    """0 is not taken for the default: what was passed and what is wanted are said."""
    with pytest.raises(UsageError, match=f"calls is {calls!r}; a whole number from 1"):
        nbtrain.bench(ConvNet(), batches("images"), calls=calls)
