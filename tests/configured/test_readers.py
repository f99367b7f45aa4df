"""Each format of data is read into samples with their shape, and what cannot be used is named."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from nbtrain.config.resolved import Configuration
from nbtrain.configured.data import read_data
from nbtrain.errors import InvalidConfig, MissingExtra


def read(path: Path, *, like: Any = None, **settings: Any) -> Any:
    return read_data(path, Configuration(settings), like=like)


def lines(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_npz(tmp_path: Path) -> None:
    """Arrays x and y become float inputs and classes, or the named target."""
    np.savez(tmp_path / "d.npz", x=np.ones((5, 2, 3)), y=np.array([0, 1, 2, 1, 0]), z=np.ones(5))
    data = read(tmp_path / "d.npz")
    assert data.shape.sample == (2, 3) and data.shape.outputs == 3 and data.shape.classes
    assert data[0][0].dtype == torch.float32 and data[2][1] == 2
    assert not read(tmp_path / "d.npz", target="z").shape.classes


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"a": np.ones(3)}, "It holds a"),
        ({"x": np.ones((3, 2)), "y": np.ones(2)}, "as many targets"),
        ({"x": np.array([[np.nan], [1.0]]), "y": np.ones(2)}, "finite"),
        ({"x": np.array([None, 1], dtype=object), "y": np.ones(2)}, "plain arrays"),
    ],
)
def test_npz_that_cannot_be_used(arrays: dict[str, Any], said: str, tmp_path: Path) -> None:
    """Arrays that are absent, do not fit, hold NaN or are pickled are refused in words."""
    np.savez(tmp_path / "d.npz", **arrays)
    with pytest.raises(InvalidConfig, match=said):
        read(tmp_path / "d.npz")


def test_csv(tmp_path: Path) -> None:
    """Columns of numbers are inputs, words are the training data's classes, decimals are regression."""
    (tmp_path / "d.csv").write_text("a,b,label\n1,2,cat\n3,4.5,dog\n5,6,cat\n")
    (tmp_path / "v.csv").write_text("a,b,label\n1,2,dog\n")
    data = read(tmp_path / "d.csv")
    assert data.labels == ("cat", "dog") and data[1][1] == 1 and data.shape.sample == (2,)
    assert read(tmp_path / "v.csv", like=data)[0][1] == 1
    (tmp_path / "r.csv").write_text("a,price\n1,2.5\n2,3.5\n")
    found = read(tmp_path / "r.csv", target="price")
    assert found[0][1].shape == (1,) and found.shape.outputs == 1


@pytest.mark.parametrize(
    ("text", "settings", "said"),
    [
        ("a,b\n1,2\n", {}, "data.target"),
        ("a,price\n1,2\n", {"target": "prize"}, "Did you mean `price`"),
        ("a,name,y\n1,x,0\n", {}, "name"),
        ("a,y\n,0\n1,1\n", {}, "missing values"),
        ("a,y\n", {}, "header"),
    ],
)
def test_csv_that_cannot_be_used(text: str, settings: dict[str, Any], said: str, tmp_path: Path) -> None:
    """A table without its target, with words, gaps or no rows is refused with the columns' names."""
    (tmp_path / "d.csv").write_text(text)
    with pytest.raises(InvalidConfig, match=said):
        read(tmp_path / "d.csv", **settings)


def test_a_class_that_training_does_not_have(tmp_path: Path) -> None:
    """A class in the validation data that the training data does not have is refused by name."""
    (tmp_path / "d.csv").write_text("a,label\n1,cat\n2,dog\n")
    (tmp_path / "v.csv").write_text("a,label\n1,cow\n")
    with pytest.raises(InvalidConfig, match="cow"):
        read(tmp_path / "v.csv", like=read(tmp_path / "d.csv"))


def test_parquet(tmp_path: Path) -> None:
    """A real .parquet is read as a table is: numbers, words as classes; gaps and broken files are told."""
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [4, 5, 6], "label": ["cat", "dog", "cat"]})
    frame.to_parquet(tmp_path / "d.parquet")
    data = read(tmp_path / "d.parquet")
    assert data.labels == ("cat", "dog") and data[1][0].tolist() == [2.0, 5.0] and data[1][1] == 1
    frame.assign(label=frame["label"].astype("category")).to_parquet(tmp_path / "c.parquet")
    assert read(tmp_path / "c.parquet").labels == ("cat", "dog")
    frame.assign(a=[None, 1.0, 2.0]).to_parquet(tmp_path / "gap.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    for name, said in (("gap", "missing values"), ("bad", "a table")):
        with pytest.raises(InvalidConfig, match=said):
            read(tmp_path / f"{name}.parquet")


def test_parquet_needs_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyarrow a .parquet says what to install."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # an import of it fails
    (tmp_path / "d.parquet").write_bytes(b"PAR1")
    with pytest.raises(MissingExtra, match=r"nbtrain\[parquet\]"):
        read(tmp_path / "d.parquet")


def test_images(tmp_path: Path) -> None:
    """A folder per class becomes images from 0 to 1, grey with one channel; another size is named."""
    for name, shade in (("dark", 0), ("light", 255)):
        (tmp_path / name).mkdir()
        for i in range(2):
            Image.new("L", (6, 4), shade).save(tmp_path / name / f"{i}.png")
    data = read(tmp_path)
    assert data.labels == ("dark", "light") and len(data) == 4
    assert data.shape.sample == (1, 4, 6) and data[3][0].max() == 1.0 and data[3][1] == 1
    Image.new("L", (5, 5)).save(tmp_path / "light" / "2.png")
    with pytest.raises(InvalidConfig, match="5 × 5"):
        read(tmp_path)[4]


def test_texts_with_labels(tmp_path: Path) -> None:
    """Texts with labels are bytes, filled with 0 to the length."""
    path = lines(tmp_path / "d.jsonl", {"text": "ab", "label": "yes"}, {"text": "Grüße " * 9, "label": "no"})
    data = read(path, max_seq_length=8)
    assert data[0][0].tolist() == [98, 99, 0, 0, 0, 0, 0, 0] and data[0][1] == 1
    assert data.shape.tokens and not data.shape.per_token


@pytest.mark.parametrize("suffix", [".jsonl", ".txt"])
def test_texts_without_labels(suffix: str, tmp_path: Path) -> None:
    """Texts without labels are packed, each id with the next one as its target."""
    path = tmp_path / f"d{suffix}"
    texts = ["one two three", "four five six"]
    path.write_text("\n".join(json.dumps({"text": t}) if suffix == ".jsonl" else t for t in texts))
    data = read(path, max_seq_length=6)
    stream = [byte + 1 for byte in b"one two three"] + [0] + [byte + 1 for byte in b"four five six"] + [0]
    assert data[1][0].tolist() == stream[6:12] and data[1][1].tolist() == stream[7:13]
    assert data.shape.per_token
    with pytest.raises(InvalidConfig, match="max_seq_length"):
        read(path, max_seq_length=100)


def test_numbers_in_lines(tmp_path: Path) -> None:
    """Lists of numbers with a target are rows of a table; a line that is none is named by its number."""
    assert read(lines(tmp_path / "d.jsonl", {"x": [1, 2], "y": 0}, {"x": [3, 4], "y": 1})).shape.outputs == 2
    with pytest.raises(InvalidConfig, match="line 2"):
        read(lines(tmp_path / "e.jsonl", {"text": "a"}, {"text": 5}))
    with pytest.raises(InvalidConfig, match="It has prompt"):
        read(lines(tmp_path / "f.jsonl", {"prompt": "a"}))
