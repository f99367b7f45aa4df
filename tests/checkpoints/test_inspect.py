"""Checkpoints laid open: what they hold, whether they are whole, and nothing in them is ever run."""

from __future__ import annotations

import json
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import nbtrain
from nbtrain.checkpoints.inspecting import inspect_checkpoint, read_checkpoint
from nbtrain.checkpoints.pickles import is_dangerous, is_known, scan
from nbtrain.cli.main import main
from nbtrain.errors import UsageError
from nbtrain.runs.checkpoint import CheckpointStore


def net(classes: int = 2) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, classes))


def trained() -> tuple[nn.Module, torch.optim.Optimizer]:
    model = net()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-4)
    model(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    return model, optimizer


def plain(folder: Path, **more: Any) -> Path:
    model, optimizer = trained()
    path = folder / "plain.pt"
    torch.save(
        {"model_state_dict": model.state_dict(), "optimizer_state_dict": optimizer.state_dict(), "epoch": 3,
         "global_step": 120, "val_acc": 0.91, "train_loss": np.float64(0.25), "note": "mine", **more}, path,
    )  # fmt: skip
    return path


class Harm:
    """A pickle of it would write a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


class Hidden:
    """The same by `eval`, through a call of a call."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return eval, (f"__import__('pathlib').Path({str(self.path)!r}).touch()",)


def test_a_plain_checkpoint(tmp_path: Path) -> None:
    """Epoch, step, metrics (numpy's too), parameters, optimizer and types of a dict that torch saved."""
    report = inspect_checkpoint(plain(tmp_path))
    data = report.to_dict()
    assert data["loadable"] and data["safe"] and data["epoch"] == 3 and data["step"] == 120
    assert data["metrics"] == {"val_acc": 0.91, "train_loss": 0.25}
    assert data["parameters"] == 4 * 8 + 8 + 8 * 2 + 2 and data["dtypes"] == ["float32"]
    assert data["optimizers"][0]["groups"][0]["lr"] == 3e-4
    assert report.tone == "good" and "whole" in report.headline and "mine" in report.to_text()


def test_what_normalisation_layers_count_is_no_parameter(tmp_path: Path) -> None:
    """Parameters are as many as the model has; running statistics are named beside them."""
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
    torch.save(model.state_dict(), tmp_path / "a.pt")
    report = inspect_checkpoint(tmp_path / "a.pt")
    assert report.data["parameters"] == sum(p.numel() for p in model.parameters())
    assert report.data["buffers"] == 4 + 4 + 1 and "9, of normalisation layers" in report.to_text()


FORMS: dict[str, Callable[[Path, nn.Module], Path]] = {}


def form(function: Callable[[Path, nn.Module], Path]) -> Callable[[Path, nn.Module], Path]:
    FORMS[function.__name__] = function
    return function


@form
def bare(folder: Path, model: nn.Module) -> Path:
    torch.save(model.state_dict(), folder / "a.pth")
    return folder / "a.pth"


@form
def before_1_6(folder: Path, model: nn.Module) -> Path:
    torch.save(model.state_dict(), folder / "a.pt", _use_new_zipfile_serialization=False)
    return folder / "a.pt"


@form
def lightning(folder: Path, model: nn.Module) -> Path:
    payload = {
        "state_dict": {f"net.{k}": v for k, v in model.state_dict().items()}, "epoch": 3, "global_step": 9,
        "pytorch-lightning_version": "2.5.0", "optimizer_states": [], "callbacks": {},
    }  # fmt: skip
    torch.save(payload, folder / "a.ckpt")
    return folder / "a.ckpt"


@form
def safetensors(folder: Path, model: nn.Module) -> Path:
    path = folder / "model.safetensors"
    path.write_bytes(as_safetensors(model.state_dict()))
    return path


@form
def hugging_face(folder: Path, model: nn.Module) -> Path:
    (folder / "config.json").write_text(json.dumps({"model_type": "tiny", "hidden_size": 8}))
    (folder / "trainer_state.json").write_text(
        json.dumps({"log_history": [{"epoch": 3.0, "eval_loss": 0.5}]})
    )
    names = list(model.state_dict())
    for shard, part in enumerate((names[:2], names[2:]), 1):
        state = {name: model.state_dict()[name] for name in part}
        (folder / f"model-{shard}.safetensors").write_bytes(as_safetensors(state))
    where = {name: f"model-{1 + (name in names[2:])}.safetensors" for name in names}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    return folder


@form
def ours(folder: Path, model: nn.Module) -> Path:
    store = CheckpointStore(folder / "checkpoints")
    store.save(9, model.state_dict(), {"optimizer": {}}, epoch=3, metrics={"val_loss": 0.5})
    return folder / "checkpoints"


def as_safetensors(state: dict[str, torch.Tensor]) -> bytes:
    header, data = {}, b""
    for name, value in state.items():
        part = value.numpy().tobytes()
        header[name] = {
            "dtype": "F32",
            "shape": list(value.shape),
            "data_offsets": [len(data), len(data) + len(part)],
        }
        data += part
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_checkpoint(name: str, tmp_path: Path) -> None:
    """Bare, old, Lightning, safetensors, Hugging Face in parts, ours: the same weights, counted and equal."""
    model = net()
    found = read_checkpoint(FORMS[name](tmp_path, model))
    assert found.loadable and found.safe and not found.problems, found.problems
    assert found.parameters == 58
    state = {key.removeprefix("net."): value for key, value in found.weights.items()}
    assert all(torch.equal(state[key], value) for key, value in model.state_dict().items())
    if name not in ("bare", "before_1_6", "safetensors"):
        assert found.epoch == 3


@pytest.mark.parametrize("kind", [Harm, Hidden])
@pytest.mark.parametrize("how", ["torch", "old", "pickle"])
def test_a_malicious_file_is_named_and_never_run(kind: type, how: str, tmp_path: Path) -> None:
    """What it would call is said, with its arguments, and was not called."""
    trap, path = tmp_path / "trap", tmp_path / "evil.pt"
    payload = {"model": net().state_dict(), "x": kind(trap)}
    if how == "pickle":
        path.write_bytes(pickle.dumps(kind(trap)))
    else:
        torch.save(payload, path, _use_new_zipfile_serialization=how == "torch")
    report = inspect_checkpoint(path)
    data = report.to_dict()
    assert not trap.exists()
    assert data["safe"] is False and data["loadable"] is False and data["dangerous"]
    assert any(str(trap) in call for call in data["would_call"])
    assert report.tone == "critical" and "run code" in report.headline
    assert str(trap) in report.to_markdown()


def test_objects_of_other_code_are_told_from_danger(tmp_path: Path) -> None:
    """A whole module in a file: refused, its classes named, not called dangerous."""
    path = tmp_path / "whole.pt"
    torch.save(net(), path)
    data = inspect_checkpoint(path).to_dict()
    assert data["loadable"] is False and data["safe"] is False and data["dangerous"] == []
    assert "torch.nn.modules.linear.Linear" in data["globals"]
    assert inspect_checkpoint(path, trust=True).to_dict()["parameters"] == 58


@pytest.mark.parametrize("part", [0.02, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("name", ["bare", "before_1_6", "safetensors"])
def test_a_cut_file_is_named(name: str, part: float, tmp_path: Path) -> None:
    """Cut anywhere: not loadable, said in words, no traceback."""
    path = FORMS[name](tmp_path, net())
    data = path.read_bytes()
    path.write_bytes(data[: max(1, int(part * len(data)))])
    found = read_checkpoint(path)
    assert not found.loadable and found.problems


def test_every_flipped_bit_of_the_weights_is_found(tmp_path: Path) -> None:
    """torch.load takes a flipped bit without a word; here the archive's checksums are compared."""
    path = bare(tmp_path, net())
    data = bytearray(path.read_bytes())
    start = data.find(net().state_dict()["0.weight"].numpy().tobytes())
    for place in range(start, start + 128, 16):
        changed = bytearray(data)
        changed[place] ^= 4
        path.write_bytes(changed)
        assert torch.load(path, weights_only=True) is not None
        found = read_checkpoint(path)
        assert not found.loadable and "not those that were written" in found.problems[0]


def test_a_damaged_checkpoint_of_ours_names_the_good_one_before(tmp_path: Path) -> None:
    """A flipped bit in the newest: said, with the previous good checkpoint; a store falls back to it."""
    store = CheckpointStore(tmp_path / "checkpoints")
    for step in (1, 2):
        store.save(step, net().state_dict(), {"optimizer": {}}, epoch=step)
    newest, previous = (info.path for info in store.all())
    file = newest / "model.pt"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    found = read_checkpoint(newest)
    assert not found.loadable and found.previous == str(previous)
    whole = read_checkpoint(tmp_path / "checkpoints")
    assert whole.loadable and whole.step == 1 and whole.problems


def test_against_a_model(tmp_path: Path) -> None:
    """Names and shapes against a live model: prefixes, missing, unexpected and other shapes, each said."""
    path = plain(tmp_path)
    assert inspect_checkpoint(path, model=net()).to_dict()["against_model"]["fits"]
    other = inspect_checkpoint(path, model=net(3)).to_dict()["against_model"]
    assert not other["fits"] and other["shapes"] == {"2.weight": [[2, 8], [3, 8]], "2.bias": [[2], [3]]}
    wrapped = {f"module.{key}": value for key, value in net().state_dict().items()}
    torch.save(wrapped, tmp_path / "ddp.pt")
    report = inspect_checkpoint(tmp_path / "ddp.pt", model=net())
    assert (
        report.to_dict()["against_model"]["prefix"] == "module."
        and "removeprefix('module.')" in report.to_text()
    )
    larger = nn.Sequential(*net(), nn.Linear(2, 2))
    assert inspect_checkpoint(path, model=larger).to_dict()["against_model"]["missing"] == [
        "3.weight",
        "3.bias",
    ]


def test_which_layers_moved(tmp_path: Path) -> None:
    """Two checkpoints: the layer that moved, by how much of its size; the rest equal to the bit."""
    model = net()
    torch.save(model.state_dict(), tmp_path / "old.pt")
    with torch.no_grad():
        model[2].weight.mul_(1.5)
    torch.save(model.state_dict(), tmp_path / "new.pt")
    data = inspect_checkpoint(tmp_path / "new.pt", against=tmp_path / "old.pt").to_dict()["changed"]
    assert [one["name"] for one in data["moved"]] == ["2.weight"] and data["same"] == 3
    assert data["moved"][0]["ratio"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("empty.pt", b"", "empty"),
        ("text.pt", b"hello, this is no checkpoint", "no checkpoint"),
        ("zip.pt", b"PK\x03\x04broken", "damaged or cut"),
        ("list.pkl", pickle.dumps([1, 2, 3]), "no weights by name"),
        ("header.safetensors", struct.pack("<Q", 8) + b"{broken}", "header is damaged"),
    ],
)
def test_what_is_no_checkpoint_is_said(name: str, content: bytes, match: str, tmp_path: Path) -> None:
    """Empty, text, a torn archive, a list, a broken header: a clear word each."""
    (tmp_path / name).write_bytes(content)
    found = read_checkpoint(tmp_path / name)
    assert match in " ".join(found.problems)


def test_missing_paths_and_folders(tmp_path: Path) -> None:
    """Nothing there: what lies beside it; a folder without a checkpoint: what it has."""
    (tmp_path / "a.pt").write_bytes(b"x")
    with pytest.raises(UsageError, match=r"a\.pt"):
        read_checkpoint(tmp_path / "b.pt")
    with pytest.raises(UsageError, match="holds no checkpoint"):
        read_checkpoint(tmp_path)


def test_known_and_dangerous_names() -> None:
    """Tensors and numbers are known; what acts on the machine is dangerous; other classes are neither."""
    assert all(map(is_known, ("torch._utils._rebuild_tensor_v2", "torch.FloatStorage", "torch.bfloat16")))
    assert all(
        map(is_dangerous, ("os.system", "posix.system", "builtins.eval", "torch.hub.load", "numpy.load"))
    )
    assert not is_known("my.Model") and not is_dangerous("my.Model")
    assert not is_known("torch.serialization.load") and not is_known("torch.load")


def test_a_pickle_without_an_end_is_no_trouble() -> None:
    """Deep nesting and garbage: read as far as it goes, never an exception."""
    assert scan(b"(" * 100_000 + b".").whole
    assert not scan(b"\x80\x04garbage").whole
    assert scan(pickle.dumps({"a": [1, {"b": (2, 3)}]})).safe


def test_in_a_terminal_and_a_notebook(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`nbtrain inspect FILE --json` with exit status 0 for a good one, 1 for one that cannot be loaded."""
    path = plain(tmp_path)
    assert main(["inspect", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["epoch"] == 3
    path.write_bytes(path.read_bytes()[:100])
    assert main(["inspect", str(path)]) == 1
    assert main(["inspect", str(tmp_path / "none.pt")]) == 2
    assert nbtrain.inspect(plain(tmp_path)).to_dict()["epoch"] == 3
