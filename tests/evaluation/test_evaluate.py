"""evaluate: the numbers are right, with honest intervals, and nothing of the model changes."""

from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import nbtrain
from nbtrain.commands._table import command
from nbtrain.commands.spec import Context
from nbtrain.errors import UsageError
from nbtrain.evaluation.intervals import bootstrap, wilson
from nbtrain.evaluation.measuring import evaluate_model
from nbtrain.evaluation.report import per_class

CE = nn.CrossEntropyLoss()


def setup(samples: int = 150, classes: int = 4) -> tuple[nn.Module, DataLoader]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.Dropout(0.5), nn.Linear(16, classes))
    data = TensorDataset(torch.randn(samples, 6), torch.randint(0, classes, (samples,)))
    return model, DataLoader(data, batch_size=16)


def test_the_numbers_are_those_of_a_plain_pass() -> None:
    """Loss, accuracy, confusion, precision, recall and F1 equal scikit-learn's on the same outputs."""
    model, loader = setup()
    x, y = loader.dataset.tensors
    logits = copy.deepcopy(model).eval()(x).detach()
    found = evaluate_model(model, loader, loss=CE)
    assert found.samples == 150 and found.batches == 10
    assert found.metrics["loss"].value == pytest.approx(float(CE(logits, y)), rel=1e-5)
    assert found.metrics["accuracy"].value == pytest.approx(float((logits.argmax(1) == y).float().mean()))
    assert np.array_equal(found.confusion, confusion_matrix(y, logits.argmax(1), labels=range(4)))
    precision, recall, f1, there = precision_recall_fscore_support(y, logits.argmax(1), zero_division=np.nan)
    ours = np.array(per_class(found.confusion))
    assert np.allclose(ours, np.stack([precision, recall, f1, there], 1), equal_nan=True)


def test_intervals_cover_what_they_promise() -> None:
    """Of 400 draws from a known share 95 % of Wilson intervals hold it; a bootstrap is as wide as theory."""
    draw = np.random.default_rng(0)
    inside = 0
    for _ in range(400):
        low, high = wilson(int(draw.binomial(60, 0.9)), 60)
        inside += low <= 0.9 <= high
    assert 0.92 <= inside / 400 <= 0.98
    values = draw.normal(1.0, 0.2, 40)
    low, high = bootstrap(values, [16.0] * 40)
    assert low < values.mean() < high and high - low == pytest.approx(2 * 1.96 * 0.2 / 40**0.5, rel=0.3)
    assert bootstrap([1.0, 2.0], [1, 1]) is None
    assert wilson(20, 20)[0] > 0.8 and wilson(20, 20)[1] == 1.0


def test_a_checkpoint_goes_into_a_copy(tmp_path: Path) -> None:
    """Its weights are judged; the model in the notebook, its modes and statistics stay as they are."""
    model, loader = setup()
    other, _ = setup()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(3)
    torch.save({"state_dict": {f"module.{k}": v for k, v in other.state_dict().items()}}, tmp_path / "a.pt")
    before, mode = copy.deepcopy(model.state_dict()), model.training
    report = nbtrain.evaluate(model, loader, checkpoint=tmp_path / "a.pt", loss=CE)
    assert report.data["metrics"]["loss"]["value"] == pytest.approx(
        evaluate_model(other, loader, loss=CE).metrics["loss"].value
    )
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.training is mode and report.data["weights"] == "a.pt"


def test_a_checkpoint_that_does_not_fit_is_said(tmp_path: Path) -> None:
    """Other shapes: how many, and the line that shows which; a file without weights likewise."""
    model, loader = setup()
    torch.save(setup(classes=7)[0].state_dict(), tmp_path / "b.pt")
    with pytest.raises(UsageError, match="2 names of another shape"):
        nbtrain.evaluate(model, loader, checkpoint=tmp_path / "b.pt")
    (tmp_path / "c.pt").write_bytes(b"nothing")
    with pytest.raises(UsageError, match="no weights to evaluate"):
        nbtrain.evaluate(model, loader, checkpoint=tmp_path / "c.pt")


def test_regression_and_own_metrics() -> None:
    """No classes: loss and the metrics asked for, with intervals over the batches; no matrix."""
    model = nn.Linear(3, 1)
    data = DataLoader(TensorDataset(torch.randn(64, 3), torch.randn(64, 1)), batch_size=8)
    metrics = {"mae": lambda output, target: (output - target).abs().mean()}
    report = nbtrain.evaluate(model, data, loss=nn.MSELoss(), metrics=metrics)
    found = report.data["metrics"]
    assert set(found) == {"loss", "mae"} and found["mae"]["interval"][0] < found["mae"]["value"]
    assert report.data["confusion"] is None


def test_what_cannot_be_measured_is_said() -> None:
    """An empty loader; an output and a target of which nothing can be told."""
    model, _ = setup()
    with pytest.raises(UsageError, match="gave no batch"):
        evaluate_model(model, [])
    with pytest.raises(UsageError, match="nothing to measure"):
        evaluate_model(nn.Linear(3, 2), [(torch.zeros(4, 3), torch.zeros(4, 5))])


def test_the_report_shows_classes_and_mistakes() -> None:
    """Names of classes, the most frequent mistakes, the matrix; escaped in HTML."""
    model, loader = setup()
    report = nbtrain.evaluate(model, loader, loss=CE, classes=["<b>a", "b", "c", "d"])
    text = report.to_text()
    assert "Confusion matrix" in text and "Most frequent mistakes" in text and "Wilson" in text
    assert "<b>a" not in report.to_html() and "95 % interval" in report.to_markdown()


def test_the_verb(tmp_path: Path) -> None:
    """`%train evaluate FILE model loader` from the notebook's variables; too many words are said."""
    model, loader = setup()
    torch.save(model.state_dict(), tmp_path / "a.pt")
    names: dict[str, Any] = {"model": model, "loader": loader, "criterion": CE}
    verb = command("evaluate")

    def line(*words: str, **given: Any) -> Any:
        values = {one.dest: one.default for one in verb.arguments} | {
            "words": list(words),
            "metric": [],
            **given,
        }
        return verb.run(SimpleNamespace(**values), Context(namespace=names))

    assert line(str(tmp_path / "a.pt"), "model", "loader").data["weights"] == "a.pt"
    assert line().data["weights"] == "as they are in the notebook"
    names["val_loader"] = setup(samples=48)[1]
    assert line().data["samples"] == 48 and line("model", "loader").data["samples"] == 150
    with pytest.raises(UsageError, match="too many"):
        line("a.pt", "b.pt")
    with pytest.raises(UsageError, match="there is no function"):
        line(metric=["f1=nothing"])


def test_data_of_another_model_are_said() -> None:
    """A model that does not take the batches: what torch says, and what the first batch holds."""
    _, loader = setup()
    with pytest.raises(UsageError, match=r"on the data: RuntimeError: .* holds \(16, 6\) float32"):
        nbtrain.evaluate(nn.Linear(3, 4), loader, loss=CE)
    nested = [((torch.ones(2, 3), torch.ones(2, 5)), torch.zeros(2, dtype=torch.long))]
    with pytest.raises(UsageError) as caught:
        nbtrain.evaluate(nn.Linear(3, 4), nested, loss=CE)
    assert "(2, 3) float32, (2, 5) float32, (2,) int64" in str(caught.value.suggestion)
    with pytest.raises(UsageError, match=r"on the data: .*Error: .* holds \(2, 7\) float32"):
        nbtrain.evaluate(nn.Linear(3, 4), [SimpleNamespace(x=torch.ones(2, 7))], loss=CE)

    def misses(output: Any, target: Any) -> Any:
        raise AttributeError("it has no head.")

    with pytest.raises(UsageError, match=r"AttributeError: it has no head\.(?!\.)"):
        nbtrain.evaluate(nn.Linear(6, 4), loader, loss=misses)
