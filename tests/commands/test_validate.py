"""validate: the JSON of the contract, a template of each phase, what two files differ in."""

from __future__ import annotations

from pathlib import Path

import pytest

import nbtrain
from nbtrain.commands._table import command
from nbtrain.commands.parse import parse
from nbtrain.commands.spec import Context
from nbtrain.errors import UsageError

BROKEN = """\
model: {architecture: mlp}
optimizer: {learning_rate: "1e-3"}
training: {epohcs: 3}
"""


def run(*words: str, namespace: dict[str, object] | None = None) -> object:
    chosen = command("validate")
    return chosen.run(parse(chosen, list(words)), Context(namespace=namespace))


@pytest.mark.parametrize("name", ["baseline", "optimization", "final"])
def test_templates_are_valid(name: str) -> None:
    """Each template is valid as it is, has comments, and asks for the same seed."""
    text = run("--new", name)
    assert isinstance(text, str) and text.count("#") > 5
    Path("t.yaml").write_text(text)
    found = nbtrain.validate("t.yaml")
    assert found.valid and found.dialect == "a" and "✓ Config valid" in str(found)
    assert found.config is not None and found.config["reproducibility"]["seed"] == 42


def test_json() -> None:
    """The JSON has valid, errors and warnings, each error with its kind and five details."""
    Path("c.yaml").write_text(BROKEN)
    found = nbtrain.validate(Path("c.yaml"))
    told = found.to_dict()
    assert told["valid"] is False and not found
    assert [set(one) for one in told["errors"]] == [{"error", "details"}] * 4
    by_field = {one["details"]["field"]: one["details"] for one in told["errors"]}
    assert set(by_field) == {
        "optimizer.learning_rate",
        "training.epohcs",
        "training.epochs",
        "reproducibility.seed",
    }
    assert by_field["optimizer.learning_rate"]["line"] == 2
    assert by_field["optimizer.learning_rate"]["value"] == "1e-3"
    assert set(by_field["training.epohcs"]) == {"field", "value", "expected", "suggestion", "line"}


def test_all_of_it_is_shown() -> None:
    """People see every error with its line and what to do."""
    Path("c.yaml").write_text(BROKEN)
    text = str(run("c.yaml"))
    assert "line 2" in text and "line 3" in text and "Drop the quotes" in text and "`training.epochs`" in text
    assert "4 errors" in text


def test_a_mode_gives_what_is_missing() -> None:
    """What a mode sets need not stand in the file; the seed of dialect (a) must."""
    Path("c.yaml").write_text(
        "model: {architecture: mlp}\noptimizer: {}\ntraining: {}\nreproducibility: {seed: 1}\n"
    )
    assert not nbtrain.validate("c.yaml").valid
    found = nbtrain.validate("c.yaml", mode="baseline")
    assert found.valid and found.config is not None and found.config["training"]["epochs"] == 20
    with pytest.raises(UsageError, match="baseline, optimization, production"):
        nbtrain.validate("c.yaml", mode="basline")


def test_differences() -> None:
    """Two files are shown with the settings that differ, those set by default too."""
    Path("a.yaml").write_text(str(run("--new", "baseline")))
    Path("b.yaml").write_text(str(run("--new", "final")))
    changes = {
        one["field"]: (one["before"], one["after"]) for one in run("a.yaml", "b.yaml").to_dict()["changes"]
    }
    assert changes["training.epochs"] == (20, 100)
    assert changes["optimizer.weight_decay"] == (0.0, 0.01)
    assert "training.batch_size" not in changes
    assert "The two are the same" in str(run("a.yaml", "a.yaml"))


def test_names_of_the_notebook() -> None:
    """In a notebook its variables are known, so that a typo in one is an error."""
    Path("c.yaml").write_text(str(run("--new", "baseline")).replace("architecture: mlp", "architecture: Nte"))
    assert run("c.yaml", namespace={"Net": object}).valid is False
    assert run("c.yaml", namespace={"Nte": object}).valid is True


def test_memory() -> None:
    """A model far beyond this machine's memory is an OutOfMemory error with both sizes."""
    Path("c.yaml").write_text(
        "architecture: decoder-only-transformer\ntrain_data: t.txt\nbatch_size: 64\nlearning_rate: "
        "1e-4\nepochs: 1\n"
        "hidden_size: 65536\nnum_layers: 200\nnum_heads: 64\nmax_seq_length: 4096\n"
    )
    Path("t.txt").write_text("word " * 9000)
    [error] = nbtrain.validate("c.yaml").errors
    assert error["error"] == "OutOfMemory"
    assert error["details"]["estimated_bytes"] > error["details"]["available_bytes"] > 0
    assert (error["details"]["batch_size"], error["details"]["sequence_length"]) == (64, 4096)


def test_words() -> None:
    """A missing file, no file, three files and an unknown template are usage errors."""
    for words in (("nowhere.yaml",), (), ("a", "b", "c"), ("--new", "bsaeline")):
        with pytest.raises(UsageError):
            run(*words)
