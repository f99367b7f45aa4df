"""The word of a configuration becomes a model: built-in, a variable, an import path, or an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from nbtrain.config.checking import Place, check_text
from nbtrain.config.resolved import Configuration, resolve
from nbtrain.configured.architecture import build_model
from nbtrain.configured.shape import DataShape, shape_of
from nbtrain.errors import MissingExtra, UsageError

VECTORS = DataShape((6,), outputs=3, classes=True)
IMAGES = DataShape((1, 9, 9), outputs=3, classes=True)
TEXTS = DataShape((16,), True, 257, 3, True)
NEXT = DataShape((16,), True, 257, 257, True, per_token=True)


def configuration(
    architecture: str, folder: Path = Path(), names: frozenset[str] = frozenset(), **model: Any
) -> Configuration:
    more = "".join(f"\n  {key}: {value}" for key, value in model.items())
    text = (
        f"model:\n  architecture: {architecture}{more}\noptimizer: {{learning_rate: 1e-3}}\n"
        "training: {epochs: 1}\nreproducibility: {seed: 3}\n"
    )
    return resolve(check_text(text, Place(folder, names)))


def built(
    architecture: str, shape: DataShape = VECTORS, there: dict[str, Any] | None = None, **how: Any
) -> Any:
    there = there or {}
    return build_model(configuration(architecture, names=frozenset(there), **how), there, lambda: shape)


@pytest.mark.parametrize(
    ("name", "shape", "inputs", "output"),
    [
        ("mlp", VECTORS, torch.randn(5, 6), (5, 3)),
        ("cnn", IMAGES, torch.randn(5, 1, 9, 9), (5, 3)),
        ("cnn", DataShape((9, 9), outputs=3), torch.randn(5, 9, 9), (5, 3)),
        ("transformer-classifier", TEXTS, torch.randint(257, (5, 16)), (5, 3)),
        ("transformer-classifier", TEXTS, torch.zeros(5, 16, dtype=torch.int64), (5, 3)),
        ("transformer-classifier", DataShape((16, 4), outputs=3), torch.randn(5, 16, 4), (5, 3)),
        ("decoder-only-transformer", NEXT, torch.randint(257, (5, 16)), (5, 16, 257)),
    ],
)
def test_shapes(name: str, shape: DataShape, inputs: torch.Tensor, output: tuple[int, ...]) -> None:
    """Each built-in architecture gives what its docstring says, finite, for the data it is for."""
    found = built(name, shape, hidden_size=8, num_heads=2).model(inputs)
    assert found.shape == output
    assert found.isfinite().all()


def test_a_decoder_sees_no_later_token() -> None:
    """The language model's prediction at a position does not change with later tokens."""
    model = built("decoder-only-transformer", NEXT, hidden_size=8, num_heads=2).model.eval()
    first = torch.randint(1, 257, (1, 16))
    second = first.clone()
    second[0, 9:] = 5
    assert torch.allclose(model(first)[0, :9], model(second)[0, :9], atol=1e-6)
    assert not torch.allclose(model(first)[0, 9:], model(second)[0, 9:], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("cnn", VECTORS), ("transformer-classifier", VECTORS), ("decoder-only-transformer", TEXTS)],
)
def test_data_that_does_not_fit(name: str, shape: DataShape) -> None:
    """A built-in architecture for other data is refused with the shape and the way out."""
    with pytest.raises(UsageError, match=name):
        built(name, shape)


def test_same_seed_same_weights() -> None:
    """Weights are drawn from the seed, and the kernel's own generators stay where they were."""
    torch.manual_seed(11)
    before = torch.get_rng_state()
    first, second = built("mlp").model, built("mlp").model
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


class Net(nn.Module):
    """A person's class."""

    def __init__(self, width: int = 4, dropout: float = 0.5) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, width), nn.Dropout(dropout), nn.Linear(width, 3))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.layers(inputs)


def test_variables() -> None:
    """A model of the notebook is taken as it is; a class is called with the arguments, dropout among them."""
    model = Net()
    assert built("model", there={"model": model}).model is model
    made = built("Net", there={"Net": Net}, dropout=0.2, arguments="{width: 7}").model
    assert (made.layers[0].out_features, made.layers[1].p) == (7, 0.2)
    with pytest.raises(UsageError, match="cannot be called with"):
        built("Net", there={"Net": Net}, arguments="{wdith: 7}")


def test_import_paths(tmp_path: Path) -> None:
    """pkg.module:factory is found beside the configuration; what is not there is named."""
    (tmp_path / "own_models_here.py").write_text(
        "from torch import nn\ndef make(width=3):\n    return nn.Linear(6, width)\nnumber = 3\n"
    )

    def made(word: str) -> Any:
        return build_model(configuration(word, tmp_path, arguments="{}"), {}, lambda: VECTORS)

    assert made("own_models_here:make").model.out_features == 3
    with pytest.raises(UsageError, match="has no `mak`"):
        made("own_models_here:mak")
    with pytest.raises(UsageError, match="is int"):
        made("own_models_here:number")


def test_extras_and_typos() -> None:
    """A package that is not here says what to install; a slip in a built-in name says which was meant."""
    with pytest.raises(MissingExtra, match=r'pip install "nbtrain\[vision\]"'):
        built("timm:resnet18")
    with pytest.raises(MissingExtra, match=r'pip install "nbtrain\[vision\]"'):
        built("resnet18")
    with pytest.raises(UsageError, match="`decoder-only-transformer`"):
        build_model(
            Configuration({"architecture": "decoder_only_transfomer", "seed": 1}), {}, lambda: VECTORS
        )


def test_shape_is_seen_in_the_data() -> None:
    """The shape of a notebook's data is seen in its data set and batches."""
    data = torch.utils.data.TensorDataset(torch.randn(20, 2, 5), torch.arange(20) % 4)
    loader = torch.utils.data.DataLoader(data, batch_size=4)
    assert shape_of(loader) == DataShape((2, 5), outputs=4, classes=True)
    assert shape_of([(torch.randn(4, 3), torch.randn(4, 2))]) == DataShape((3,), outputs=2)
