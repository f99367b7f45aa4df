"""ONNX in fewer bits, by onnxruntime: int8 weights with activations measured as it runs or on a calibration
set, or 16-bit floats.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from nbtrain.errors import ExportFailed
from nbtrain.export.asked import FP16, ExportOptions
from nbtrain.exported.feed import Feed
from nbtrain.exported.quiet import quiet
from nbtrain.extras import require

WHY = "to quantise ONNX"
LOAD = "import sys, onnxruntime as o; o.InferenceSession(sys.argv[1], providers=['CPUExecutionProvider'])"
MOST_LOAD_S = 300  # for a file to be loaded; seconds as a rule, and a graph of gigabytes takes a minute
KILLED = -9  # not by a fault of its own: so a machine without memory ends a process
WINDOWS_CRASHES = (0xC0000005, 0xC0000409)  # access violation, stack overrun
WEIGHTED = ["Conv", "MatMul", "Gemm"]
CONVOLUTIONS = ("Conv", "ConvTranspose")
# Source: onnxruntime's documentation, "Quantize ONNX models": static quantisation is recommended for
# convolutional networks, dynamic for recurrent ones and transformers.
# Weights keep to 7 of the 8 bits. Source: onnxruntime's documentation, "reduce_range": without VNNI x86 adds
# two products in 16 bits, which overflow with 8. Measured on such a processor, 8 bits -> 7: noise of an MLP's
# outputs 19.8 % -> 1.7 %, an encoder's 13 % -> 1.9 %, an LSTM's 9.5 % -> 0.6 %, a conv net's (static)
# 10.5 % -> 1.5 %; with VNNI it costs half of the weights' resolution.
SAFE = {"per_channel": True, "reduce_range": True}
STATIC_BETTER = (
    "The model has convolutions, for which onnxruntime recommends static int8: --calibration LOADER."
)


def quantize(path: Path, options: ExportOptions) -> tuple[str, tuple[str, ...]]:
    """Quantise a file in place; return how, in words, and what a person should read.

    Raises:
        ExportFailed: onnxruntime cannot. MissingExtra: it is not installed.
    """
    runtime = require("onnxruntime", why=WHY)
    onnx = require("onnx", why=WHY)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "quantised.onnx"
        try:
            with quiet():
                said = _half(onnx, path, target) if options.quantize == FP16 else _int8(path, target, options)
        except Exception as error:  # onnxruntime raises what it meets
            raise ExportFailed(
                f"onnxruntime cannot make {options.quantize} of the model: "
                f"{' '.join(str(error).split())[:250]}",
                suggestion="Leave --quantize out, or try the other one.", format="onnx",
            ) from error  # fmt: skip
        made = _without_notes(onnx, target)
    onnx.save(made, str(path))
    if ended := load_apart(path).ended:
        raise ExportFailed(
            f"onnxruntime {runtime.__version__} {ended.format(model=f'the model in {options.quantize}')}.",
            suggestion="Leave --quantize out, or try the other one; --format safetensors has fp16, too.",
            format="onnx",
        )
    notes = ()
    if options.quantize != FP16 and not options.calibration:
        kinds = {node.op_type for node in made.graph.node}
        notes = (STATIC_BETTER,) if any(k.startswith(CONVOLUTIONS) for k in kinds) else ()
    return f"{said}, onnxruntime {runtime.__version__}", notes


class Load(NamedTuple):
    """How the loading of a file went. `ended`: what ended the process, a clause on `{model}`; "" for none."""

    loaded: bool
    ended: str = ""


def load_apart(path: Path) -> Load:
    """Load a file in a process of its own, and say how that went.

    Seen with onnxruntime 1.32: half precision and a fused transformer layer end in a segmentation fault.
    """
    line = [sys.executable, "-I", "-c", LOAD, str(path)]
    try:
        done = subprocess.run(line, capture_output=True, check=False, timeout=MOST_LOAD_S)
    except subprocess.TimeoutExpired:
        return Load(False, f"did not load {{model}} within {MOST_LOAD_S} s")
    if done.returncode == KILLED:
        return Load(False, "was killed while it loaded {model}: as a rule the memory was short")
    if done.returncode < 0 or done.returncode in WINDOWS_CRASHES:
        return Load(False, "crashes when it loads {model}, and would take this process with it")
    return Load(done.returncode == 0)


def _without_notes(onnx: Any, path: Path) -> Any:
    """Return a model without the types and shapes of what lies between, which every reader infers anew.

    onnxruntime leaves some as they were before it put other nodes there; what contradicts itself is refused.
    """
    made = onnx.load(str(path))
    del made.graph.value_info[:]
    return made


def _half(onnx: Any, source: Path, target: Path) -> str:
    convert = require("onnxruntime.transformers.float16", why=WHY).convert_float_to_float16
    ordered = require("onnxruntime.quantization.onnx_model", why=WHY).ONNXModel
    made = ordered(convert(onnx.load(str(source)), keep_io_types=True))
    made.topological_sort()  # the casts that it adds stand at the end, where no node may need them
    onnx.save(made.model, str(target))
    return "16-bit floats inside, 32-bit at the inputs and outputs"


def _int8(source: Path, target: Path, options: ExportOptions) -> str:
    tools = require("onnxruntime.quantization", why=WHY)
    if not options.calibration:
        tools.quantize_dynamic(str(source), str(target), weight_type=tools.QuantType.QInt8, **SAFE)
        return "dynamic int8 (weights per channel, activations as it runs)"
    samples = sum(one.size for one in options.calibration)
    onnx, tried = require("onnx", why=WHY), target.with_name("tried.onnx")
    how = {
        **SAFE, "quant_format": tools.QuantFormat.QDQ, "weight_type": tools.QuantType.QInt8,
        "activation_type": tools.QuantType.QUInt8,
    }  # fmt: skip
    said = f"static int8 (weights per channel, activations calibrated on {samples} samples"
    try:
        tools.quantize_static(str(source), str(target), _reader(tools, options.calibration), **how)
        onnx.save(_without_notes(onnx, target), str(tried))
        fails = not load_apart(tried).loaded
    except Exception:
        fails = True
    if fails:  # e.g. group normalisation, of which it makes a graph that it cannot load itself
        reader = _reader(tools, options.calibration)
        tools.quantize_static(str(source), str(target), reader, op_types_to_quantize=WEIGHTED, **how)
        return f"{said}, of layers with weights alone: with all others onnxruntime fails)"
    return f"{said})"


def _reader(tools: Any, feeds: Sequence[Feed]) -> Any:
    class Reader(tools.CalibrationDataReader):  # type: ignore[name-defined, misc]
        """Hands the calibration set to onnxruntime."""

        def __init__(self) -> None:
            self._left: Iterator[Feed] = iter(feeds)

        def get_next(self) -> dict[str, Any] | None:
            feed = next(self._left, None)
            return None if feed is None else {k: v.numpy() for k, v in feed.tensors().items()}

    return Reader()
