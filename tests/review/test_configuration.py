"""Configurations are reviewed by the rules for code, with lines and fixes of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

import nbtrain
from nbtrain.cli.main import main
from nbtrain.errors import UsageError

AWFUL = """\
model:
  architecture: decoder-only-transformer   # the net
optimizer:
  type: adam
  learning_rate: 0.1   # too hot
  weight_decay: 0.01
  warmup_steps: 0
  lr_schedule: constant
training:
  epochs: 60
  batch_size: 4
  gradient_clip: 0
reproducibility:
  seed: 1
"""
MENDED = (
    AWFUL.replace("type: adam", "type: adamw").replace("rate: 0.1", "rate: 3e-4")
    .replace("steps: 0", "steps: 1000")
    .replace("constant", "cosine").replace("size: 4", "size: 32").replace("clip: 0", "clip: 1.0")
)  # fmt: skip
FLAT = """\
architecture: resnet50
optimizer: sgd
learning_rate: 1e-5
batch_size: 64
epochs: 90
momentum: 0.9
train_data: x.npz
"""


def found(path: Path, **how: object) -> dict[str, int | None]:
    return {one.rule: one.line for one in nbtrain.review(config=path, **how).findings}


def test_a_configuration_is_judged_and_corrected(tmp_path: Path) -> None:
    """Each rule speaks on the line of its setting; the corrected file keeps comments and reviews clean."""
    path, target = tmp_path / "a.yaml", tmp_path / "b.yaml"
    path.write_text(AWFUL)
    review = nbtrain.review(path)

    assert found(path) == {
        "adam-lr-too-high": 5, "adam-coupled-weight-decay": 4, "transformer-no-warmup": 7,
        "long-training-constant-lr": 8, "small-batch-no-accumulation": 11, "missing-grad-clipping": 12,
    }  # fmt: skip
    assert {"learning_rate: 3e-4", "gradient_clip: 1.0"} <= {one.fix for one in review.findings}
    assert review.suggested_config == MENDED
    assert main(["review", "--config", str(path), "--fix", "--output", str(target)]) == 1
    assert target.read_text() == MENDED
    assert found(target) == {} and main(["review", str(target)]) == 0


def test_templates_and_flat_files_are_read_alike(tmp_path: Path) -> None:
    """Our own templates review clean; another dialect is read by its own keys, its situation is named."""
    from nbtrain.config.templating import template

    for mode in ("baseline", "optimization", "final"):
        (tmp_path / f"{mode}.yaml").write_text(template(mode))
        assert found(tmp_path / f"{mode}.yaml") == {}, mode
    path = tmp_path / "flat.yml"
    path.write_text(FLAT)
    assert found(path) == {"sgd-lr-out-of-range": 3}
    assert [one["id"] for one in nbtrain.review(path).to_dict()["situation"]] == ["vision-sgd"]
    path.write_text(FLAT.replace("1e-5", "1e-5  # nbtrain: allow sgd-lr-out-of-range"))
    assert found(path) == {} and nbtrain.review(path).silenced == (("sgd-lr-out-of-range", 3),)


def test_an_architecture_of_the_notebook_is_looked_at(tmp_path: Path) -> None:
    """A variable that the file names is judged as it is; an unknown class becomes a gap."""
    import torch

    path = tmp_path / "a.yaml"
    path.write_text(
        FLAT.replace("resnet50", "net")
        .replace("sgd\nlearning_rate: 1e-5", "adamw\nlearning_rate: 1e-3")
        .replace("momentum: 0.9", "gradient_clip: 0")
    )

    assert "missing-grad-clipping" in found(path, namespace={"net": torch.nn.LSTM(4, 4)})
    assert found(path) == {}
    assert any("`net` was not looked at" in one for one in nbtrain.review(path).information_gaps)


@pytest.mark.parametrize(
    "text", ["", "a: [", "- 1", "\0", "model: !!python/object:os.system x", "x: 1\n" * 3]
)
def test_a_broken_configuration_is_said_not_raised(tmp_path: Path, text: str) -> None:
    """What is no configuration gives a review that says what is wrong, and an exit status of 1."""
    path = tmp_path / "a.yaml"
    path.write_text(text)
    review = nbtrain.review(path)

    assert review.broken and review.caveats and review.confidence == "low"
    assert main(["review", str(path)]) == 1


def test_wrong_calls_name_what_is_allowed(tmp_path: Path) -> None:
    """A configuration that is none, two sources, or a probe of a configuration are usage errors."""
    path = tmp_path / "a.yaml"
    path.write_text(AWFUL)
    for call in ({"config": "a.py"}, {"config": path, "source": "x = 1"}, {"config": path, "probe": True}):
        with pytest.raises(UsageError):
            nbtrain.review(**call)
    assert main(["review", str(path), "--config", str(path)]) == 2
