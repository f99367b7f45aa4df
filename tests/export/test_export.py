"""export: what was written is what the model says, or there is no file; failures name operator and module."""

from __future__ import annotations

import copy
import doctest
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import onnxruntime.quantization
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import nbtrain
from nbtrain.commands._table import command
from nbtrain.commands.parse import parse
from nbtrain.commands.spec import Context
from nbtrain.errors import ExportFailed, MissingExtra, UsageError
from nbtrain.export import exporting, quantizing
from tests.export.models import (
    Branching,
    ConvNet,
    Encoder,
    FixedBatch,
    Placed,
    Recurrent,
    Spectral,
    UNet,
    batches,
    mlp,
    taught,
)

CE = nn.CrossEntropyLoss()
SUFFIX = {"onnx": "onnx", "torchscript": "ts", "torch-export": "pt2", "safetensors": "safetensors"}


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_onnx_is_checked_runs_and_takes_any_batch(tmp_path: Path) -> None:
    """The file passes onnx's checker and gives PyTorch's outputs in onnxruntime, for batches never seen."""
    model, data = taught(mlp(), batches()), batches()
    report = nbtrain.export(model, data, output=tmp_path / "m.onnx", loss=CE)
    told = report.data
    assert told["accepted"] and told["format"] == "onnx" and told["opset"] >= 18
    assert told["samples"] == 19 and told["batch_sizes"] == [1, 3, 8] and told["agreement"] == 1
    assert told["accuracy_before"] == told["accuracy_after"] > 0.9
    assert told["size_bytes"] == (tmp_path / "m.onnx").stat().st_size and leftovers(tmp_path) == ["m.onnx"]
    onnx.checker.check_model(str(tmp_path / "m.onnx"), full_check=True)
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == ["batch", 4]
    unseen = torch.randn(37, 4)
    given = session.run(None, {session.get_inputs()[0].name: unseen.numpy()})[0]
    assert np.allclose(given, model.eval()(unseen).detach(), atol=1e-5)
    text = report.to_text()
    assert "Accepted on 19 samples" in text and "Opset" in text and "torch.onnx.verification" in text


@pytest.mark.parametrize("format", ["torchscript", "torch-export", "safetensors"])
@pytest.mark.parametrize("quantize", [None, "fp16"])
def test_torchs_own_formats(format: str, quantize: str | None, tmp_path: Path) -> None:
    """A conv net with batch norm: exact in 32 bits, within the limit and smaller in half; loads by itself."""
    torch.manual_seed(0)
    model, data = ConvNet(), batches("images")
    file = tmp_path / f"m.{SUFFIX[format]}"
    told = nbtrain.export(model, data, output=file, quantize=quantize, loss=CE).data
    assert told["accepted"] and told["quantize"] == quantize and told["format"] == format
    assert (told["max_error"] == 0) is (quantize is None)
    if format == "torch-export":
        assert torch.export.load(file).module()(data[0][0]).dtype == torch.float32
    if format == "torchscript":
        with pytest.warns(DeprecationWarning):
            assert torch.jit.load(file)(data[0][0]).dtype == torch.float32
        assert any("deprecated" in note for note in told["notes"])


@pytest.mark.slow  # three models through the exporter of ONNX
@pytest.mark.parametrize("kind", ["images", "tokens", "padded"])
def test_networks_of_every_kind_reach_onnx(kind: str, tmp_path: Path) -> None:
    """A conv net with batch norm, an LSTM, and an encoder with inputs by name whose length differs."""
    torch.manual_seed(0)
    model = {"images": ConvNet, "tokens": Recurrent, "padded": Encoder}[kind]()
    told = nbtrain.export(model, batches(kind), output=tmp_path / "m.onnx").data
    assert told["accepted"] and told["max_error"] < 1e-5, told["problems"]
    if kind == "padded":
        assert [one["name"] for one in told["inputs"]] == ["ids", "padding"]
        assert told["inputs"][0]["shape"] == ["batch", "size_0"]
        assert [one["name"] for one in told["outputs"]] == ["logits", "hidden"]


@pytest.mark.slow  # four exports to ONNX
def test_quantised_onnx(tmp_path: Path) -> None:
    """int8 dynamic and static and fp16: smaller, verified by accuracy and classes, said how."""
    torch.manual_seed(0)
    data = batches("images", (32, 32, 32))
    wide = nn.Sequential(nn.Flatten(), nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 5))
    model = taught(wide, data)
    plain = nbtrain.export(model, data, output=tmp_path / "p.onnx", loss=CE).data
    for name, options, said in (
        ("d.onnx", {"quantize": "int8"}, "dynamic int8"),
        ("s.onnx", {"quantize": "int8", "calibration": data}, "calibrated on 96 samples"),
        ("h.onnx", {"quantize": "fp16"}, "16-bit floats inside"),
    ):
        told = nbtrain.export(model, data, output=tmp_path / name, loss=CE, **options).data
        assert told["accepted"] and said in told["how"], told
        assert told["size_bytes"] < 0.6 * plain["size_bytes"]
        assert "MLPerf" in told["tolerance"] and told["accuracy_after"] > 0.9
    strict = nbtrain.export(
        nn.Linear(4, 4), [(one, one) for one, _ in batches()], output=tmp_path / "x.onnx", quantize="int8",
        tolerance=1e-9, loss=nn.MSELoss(),
    )  # fmt: skip
    assert not strict.data["accepted"] and not (tmp_path / "x.onnx").exists()
    assert "noise" in strict.data["problems"][0]


def test_a_limit_of_a_size_is_taken(tmp_path: Path) -> None:
    """A table of 16 positions: lengths that differ in the data may differ in the file, up to 16."""
    data = [torch.randint(30, (4, length)) for length in (6, 9)]
    assert nbtrain.export(Placed(), data, output=tmp_path / "m.pt2").data["accepted"]
    program = torch.export.load(tmp_path / "m.pt2")
    assert program.module()(torch.randint(30, (2, 16))).shape == (2, 5)


def test_nothing_of_the_model_changes(tmp_path: Path) -> None:
    """Weights, buffers, each module's mode, requires_grad, and the random generators are as before."""
    model = ConvNet()
    model.features[1].eval()  # frozen on purpose
    model.head.bias.requires_grad_(False)
    before, modes = copy.deepcopy(model.state_dict()), [m.training for m in model.modules()]
    state = torch.get_rng_state()
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(torch.randn(16, 1, 8, 8), torch.randint(5, (16,))), 8, shuffle=True
    )
    torch.set_rng_state(state)
    nbtrain.export(model, loader, output=tmp_path / "m.pt2")
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [m.training for m in model.modules()] == modes
    assert [p.requires_grad for p in model.parameters()].count(False) == 1
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_a_wrapped_model_is_exported_without_its_wrapper(tmp_path: Path) -> None:
    """What torch.compile or DataParallel wraps is what is in the file, under its own names."""
    for place, wrapped in enumerate((nn.DataParallel(mlp()), torch.compile(mlp(), backend="eager"))):
        file = tmp_path / f"{place}.safetensors"
        assert nbtrain.export(wrapped, batches(), output=file).data["accepted"]
        assert set(load_file(file)) == set(mlp().state_dict())


@pytest.mark.parametrize("verb", ["export", "bench"])
def test_the_examples_of_the_docstrings_hold(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the docstrings show is what happens."""
    monkeypatch.chdir(tmp_path)
    shown = doctest.DocTestFinder().find(getattr(nbtrain, verb), verb, globs={})
    runner = doctest.DocTestRunner()
    assert sum(runner.run(one).attempted for one in shown) >= 4 and runner.failures == 0


def test_the_verb_in_a_notebook(tmp_path: Path) -> None:
    """Model and data are named or found, the checkpoint's weights taken; the file is what is asked for."""
    torch.save(mlp().state_dict(), tmp_path / "w.pt")
    names = {"model": mlp(), "loader": batches(), "criterion": CE}
    verb = command("export")

    def line(words: str, known: dict[str, Any] | None = names) -> Any:
        return verb.run(parse(verb, words.split()), Context(namespace=known))

    named = line(f"model loader {tmp_path / 'w.pt'} --output {tmp_path / 'a.pt2'}").data
    assert named["accepted"] and named["data"] == "loader" and named["agreement"] == 1
    found = line(f"--format torch-export --output {tmp_path / 'b.pt2'}").data
    assert found["accepted"] and found["samples"] == 19
    shaped = line(f"model --input-shape 4 --output {tmp_path / 'c.pt2'}").data
    assert shaped["random_inputs"]
    with pytest.raises(UsageError, match=r"no variable of the notebook and no file.*`loader`"):
        line("model loadr")
    with pytest.raises(UsageError, match="one word too many"):
        line("model loader criterion")
    with pytest.raises(UsageError, match=r"--model pkg\.module:factory"):
        line("--output x.onnx --input-shape 4", None)


def test_a_planted_wrong_file_is_not_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One weight changed between writing and verifying: refused with the error, and no file is left."""
    model, data = mlp(), batches()
    real = exporting.write

    def planted(twin: nn.Module, *rest: Any) -> Any:
        with torch.no_grad():
            twin[3].weight[0, 0] += 0.05
        return real(twin, *rest)

    monkeypatch.setattr(exporting, "write", planted)
    report = nbtrain.export(model, data, output=tmp_path / "m.pt2", loss=CE)
    assert not report.data["accepted"] and "times what is allowed" in report.headline
    assert report.tone == "critical" and leftovers(tmp_path) == []
    (tmp_path / "m.pt2").write_bytes(b"earlier")
    again = nbtrain.export(model, data, output=tmp_path / "m.pt2", loss=CE)
    assert "earlier file stays" in again.headline and (tmp_path / "m.pt2").read_bytes() == b"earlier"
    loose = nbtrain.export(model, data, output=tmp_path / "m.pt2", tolerance=0.9)
    assert loose.data["accepted"] and "as asked for" in loose.data["tolerance"]


def test_control_flow_is_named_with_module_line_and_way_out(tmp_path: Path) -> None:
    """An `if` on a tensor: the module's path, the line, torch.where or TorchScript, which then keeps it."""
    model = nn.Sequential(nn.Linear(4, 4), nn.Sequential(Branching()))
    with pytest.raises(ExportFailed) as caught:
        nbtrain.export(model, batches(), output=tmp_path / "m.onnx")
    told = caught.value.to_dict()["details"]
    assert told["module"] == "1.0" and "`1.0` (Branching)" in caught.value.message
    assert "if inputs.sum() > 0:" in caught.value.message and "torch.where" in told["suggestion"]
    assert "--format torchscript" in told["suggestion"] and leftovers(tmp_path) == []
    kept = nbtrain.export(model, batches(), output=tmp_path / "m.ts")
    assert kept.data["accepted"] and "compiled from source" in kept.data["how"]


@pytest.mark.parametrize(
    ("does", "most_s", "said"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", 300, "crashes when it loads the model in fp16"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 300, "was killed while it loaded the model in fp16"),
        ("signal.pause()", 0.2, "did not load the model in fp16 within 0.2 s"),
    ],
)
def test_a_file_that_would_end_the_process_is_none(
    does: str, most_s: float, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where onnxruntime crashes, is killed or hangs on what it made, apart, that is said; no file is left."""
    monkeypatch.setattr(quantizing, "LOAD", f"import os, signal; {does}")
    monkeypatch.setattr(quantizing, "MOST_LOAD_S", most_s)
    with pytest.raises(ExportFailed, match=said):
        nbtrain.export(mlp(), batches(), output=tmp_path / "m.onnx", quantize="fp16")
    assert leftovers(tmp_path) == []


def test_static_int8_of_layers_with_weights_where_all_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where onnxruntime cannot quantise every kind of layer, those with weights are; the report says so."""
    whole = onnxruntime.quantization.quantize_static

    def fails_on_all(*args: Any, **how: Any) -> Any:
        if "op_types_to_quantize" not in how:
            raise ValueError("axis is out of range")
        return whole(*args, **how)

    monkeypatch.setattr(onnxruntime.quantization, "quantize_static", fails_on_all)
    path, data = tmp_path / "m.onnx", batches()
    model = taught(mlp(), data)
    report = nbtrain.export(model, data, output=path, quantize="int8", calibration=data, loss=CE)
    assert report.data["accepted"] and "layers with weights alone" in report.to_text()


def test_a_unet_in_half_precision(tmp_path: Path) -> None:
    """Of a resized image onnxruntime's converter leaves contradicting types: they are taken out."""
    torch.manual_seed(0)
    images = [(torch.randn(n, 1, 16, 16), torch.rand(n, 1, 16, 16)) for n in (4, 2)]
    path = tmp_path / "m.onnx"
    told = nbtrain.export(UNet(), images, output=path, quantize="fp16", loss=nn.MSELoss()).data
    assert told["accepted"], told
    onnx.checker.check_model(str(path), full_check=True)


def test_an_operator_without_onnx_is_named(tmp_path: Path) -> None:
    """The operator, the module and its line; torch.export, the way out, holds it."""
    model = nn.Sequential(nn.Linear(4, 4), Spectral())
    with pytest.raises(ExportFailed, match=r"ONNX has no form of `aten::_linalg_eigh`, in `1` \(Spectral\)"):
        nbtrain.export(model, batches(), output=tmp_path / "m.onnx")
    assert leftovers(tmp_path) == []
    assert nbtrain.export(model, batches(), output=tmp_path / "m.pt2").data["accepted"]


def test_a_batch_size_in_the_code_is_found(tmp_path: Path) -> None:
    """A view with the batch size in it is said; --fixed-batch exports it for that size alone."""
    with pytest.raises(ExportFailed, match="fixes the batch size at 8"):
        nbtrain.export(FixedBatch(), batches(sizes=(8, 8)), output=tmp_path / "m.pt2")
    told = nbtrain.export(
        FixedBatch(), batches(sizes=(8, 8)), output=tmp_path / "m.pt2", fixed_batch=True
    ).data
    assert told["accepted"] and told["batch_sizes"] == [8] and not told["dynamic_batch"]


def test_two_answers_of_pytorch_are_explained(tmp_path: Path) -> None:
    """Where torch's fused attention zeroes padded positions, the mismatch is put down to that."""

    class Careless(Encoder):
        def forward(self, ids: torch.Tensor, padding: torch.Tensor) -> torch.Tensor:
            return self.head(self.encoder(self.table(ids), src_key_padding_mask=padding).mean(1))

    torch.manual_seed(0)
    model = Careless()
    model.encoder.enable_nested_tensor = True
    model.encoder.use_nested_tensor = True
    report = nbtrain.export(model, batches("padded"), output=tmp_path / "m.pt2")
    assert not report.data["accepted"] and "two answers" in report.data["problems"][-1]


def test_random_inputs_are_called_so(tmp_path: Path) -> None:
    """Without data a shape does; the report says that the inputs are random; tokens stay in the table."""
    told = nbtrain.export(mlp(), output=tmp_path / "m.pt2", input_shape=(4,))
    assert told.data["accepted"] and told.data["random_inputs"] and "random numbers" in told.to_text()
    ids = nbtrain.export(Recurrent(), output=tmp_path / "r.ts", input_shape="6", input_dtype="int64")
    assert ids.data["accepted"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"format": "tflite"}, "must be onnx"),
        ({"output": "m.onnx", "format": "torchscript"}, "name of a ONNX file"),
        ({"format": "torchscript", "quantize": "int8"}, "int8 is made for ONNX"),
        ({"output": "no/such/m.onnx"}, "no folder"),
        ({"output": "."}, "is a folder"),
        ({"opset": 18, "format": "torchscript"}, "--opset belongs"),
        ({"colour": 1}, "takes no `colour`"),
        ({"tolerance": 2.0}, "share between"),
        ({"input_shape": "a"}, "sizes of one sample"),
    ],
)
def test_what_does_not_go_together_is_said(
    options: dict[str, Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong options, names and places are usage errors before anything is made; nothing is left."""
    monkeypatch.chdir(tmp_path)
    data = None if "input_shape" in options else batches()
    with pytest.raises(UsageError, match=said):
        nbtrain.export(mlp(), data, **options)
    assert leftovers(tmp_path) == []


def test_inputs_that_do_not_fit_are_the_models_own_error(tmp_path: Path) -> None:
    """A model that does not run on the data is told apart from one that cannot be exported."""
    with pytest.raises(ExportFailed, match=r"does not run on these inputs \(input \(8, 4\)\)"):
        nbtrain.export(nn.Linear(5, 2), batches(), output=tmp_path / "m.pt2")
    with pytest.raises(UsageError, match="Inputs must be tensors"):
        nbtrain.export(mlp(), [(["a", "b"], torch.zeros(2))], output=tmp_path / "m.pt2")
    with pytest.raises(UsageError, match="gave no batch"):
        nbtrain.export(mlp(), [], output=tmp_path / "m.pt2")


def test_a_disk_that_refuses_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk at the rename is said with the reason, and nothing is left beside the file."""

    def full(source: Any, target: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exporting.os, "replace", full)
    with pytest.raises(ExportFailed, match="No space left"):
        nbtrain.export(mlp(), batches(), output=tmp_path / "m.safetensors")
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_says_the_exact_line(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the extra: `%pip install "nbtrain[export]"`, and no file."""
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=r'%pip install "nbtrain\[export\]"'):
        nbtrain.export(mlp(), batches(), output=tmp_path / "m.onnx")
    assert leftovers(tmp_path) == []
