"""Files that are damaged, odd or made to harm: inspect says what they are, runs nothing and never fails."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from nbtrain.checkpoints import files, pickles
from nbtrain.checkpoints.inspecting import inspect_checkpoint, read_checkpoint

PICKLED = pickle.dumps({"a": 1}, 2)


class Calls:
    """Unpickled, it calls a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> Any:
        return self.function, self.arguments


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 2))


def touching(old: bool = False) -> bytes:
    """A torch file that would touch `harmed`."""
    buffer = io.BytesIO()
    torch.save(Calls(os.system, "touch harmed"), buffer, _use_new_zipfile_serialization=not old)
    return buffer.getvalue()


HARMFUL: dict[str, Callable[[], bytes]] = {
    "a torch file in a pickle": lambda: pickle.dumps(
        {"w": Calls(torch.storage._load_from_bytes, touching())}
    ),
    "an old one": lambda: pickle.dumps({"w": Calls(torch.storage._load_from_bytes, touching(old=True))}),
    "one of text": lambda: pickle.dumps({"w": Calls(torch.storage._load_from_bytes, touching())}, 0),
    "a function by its dotted name": lambda: (
        b"\x80\x02ctorch._utils\n_import_dotted_name\n(X\x09\x00\x00\x00os.systemtR"
        b"(X\x0c\x00\x00\x00touch harmedtR."
    ),
    "an attribute of a class": lambda: b"\x80\x02ctorch\nTensor\nN}X\x06\x00\x00\x00harmedK\x07s\x86b.",
    "an old name of subprocess": lambda: b"\x80\x02ccommands\ngetoutput\n(X\x0c\x00\x00\x00touch harmedtR.",
}


@pytest.mark.parametrize("name", HARMFUL)
def test_no_way_round_leads_to_code(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pickle that reaches a function through torch's own helpers is refused like one that names it."""
    monkeypatch.chdir(tmp_path)
    Path("a.pkl").write_bytes(HARMFUL[name]())
    data = inspect_checkpoint("a.pkl").to_dict()
    assert not data["loadable"] and data["safe"] is False and data["dangerous"]
    assert not Path("harmed").exists() and not hasattr(torch.Tensor, "harmed")


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x02K\x01r\xff\xff\xff\x7f.",
        b"\x80\x02c__builtin__\nbytearray\n\x8a\x06\x00\x00\x00\x00\x00\x01\x85R.",
        b"\x80\x02c__builtin__\nlist\nc__builtin__\nrange\n\x8a\x06\x00\x00\x00\x00\x00\x01\x85R\x85R.",
        b"\x80\x04\x8e\xff\xff\xff\xff\x10\x00\x00\x00abc.",
        b"\x80\x02cmy\nModel\nK\x01" + b"2\x86" * 60 + b"\x85R.",
    ],
    ids=["place", "blank", "range", "length", "tuples"],
)
def test_a_small_pickle_takes_no_gigabytes(content: bytes, tmp_path: Path) -> None:
    """A few bytes that ask for terabytes, or for a text without end, are refused before they get them."""
    (tmp_path / "a.pkl").write_bytes(content)
    report = inspect_checkpoint(tmp_path / "a.pkl")
    assert not report.data["loadable"] and len(report.to_text()) < 5000


def archive(path: Path, *members: tuple[str, bytes], packed: bool = False) -> Path:
    kind = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", kind) as file:
        for name, content in members:
            file.writestr(name, content)
    return path


@pytest.mark.filterwarnings("ignore")
def test_archives_that_mislead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A member twice, one that unpacks to a thousand times the file, a second pickle that acts: each said."""
    data = ("archive/data.pkl", PICKLED)
    twice = read_checkpoint(archive(tmp_path / "a.pt", data, data))
    assert "`archive/data.pkl` more than once" in twice.problems[0]
    monkeypatch.setattr(files, "LEAST_UNPACKED", 1 << 20)
    bomb = read_checkpoint(archive(tmp_path / "b.pt", data, ("archive/data/0", bytes(1 << 22)), packed=True))
    assert not bomb.loadable and "would unpack to 4.0 MiB" in bomb.problems[0]
    acts = b"cos\nsystem\n(S'touch harmed'\ntR."
    other = read_checkpoint(archive(tmp_path / "c.pt", data, ("archive/other.pkl", acts)))
    assert other.scan is not None and other.scan.dangerous == ("os.system",) and not other.loadable
    torch.jit.save(torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)), tmp_path / "d.pt")
    assert "program of TorchScript" in read_checkpoint(tmp_path / "d.pt").problems[0]


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("header", "match"),
    [
        ({"a": {**ENTRY, "data_offsets": ["0", "8"]}}, "`a` lacks its place"),
        ({"a": {**ENTRY, "data_offsets": [0, 10**20]}}, "was cut or changed"),
        ({"a": {**ENTRY, "shape": [2.0]}}, "`a` has no shape"),
        ({"a": {**ENTRY, "shape": [-1, -2]}}, "`a` has no shape"),
        ({"a": {**ENTRY, "shape": [10**30]}}, "`a` has no shape"),
        ({"a": {**ENTRY, "shape": [10**12]}}, "a shape that its bytes do not"),
        ({"a": {**ENTRY, "dtype": []}}, "damaged: `a` is of type []"),
        ({"a": {**ENTRY, "dtype": "F6_E2M3"}}, "`a` is of type 'F6_E2M3', which is not known here"),
        ({"a": ENTRY, "b": ENTRY}, "`b` does not begin where"),
        ({"a": ENTRY, "__metadata__": 5}, "metadata is no table"),
        ({"a": 7}, "`a` lacks its place"),
    ],
)
def test_headers_that_contradict_themselves(header: dict[str, Any], match: str, tmp_path: Path) -> None:
    """safetensors: places, shapes and types that cannot be are named, and nothing is allocated for them."""
    text = json.dumps(header).encode()
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + b"12345678")
    found = read_checkpoint(tmp_path / "a.safetensors")
    assert not found.loadable and match in found.problems[0]


def test_random_damage_is_never_an_exception(tmp_path: Path) -> None:
    """Two hundred files cut, flipped, zeroed or lengthened anywhere: a report each, as text and as JSON."""
    model = net()
    full = {"epoch": 3, "model": model.state_dict(), "lr": np.float64(0.1)}
    torch.save(full, tmp_path / "zip.pt")
    torch.save(full, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    (tmp_path / "plain.pkl").write_bytes(pickle.dumps(full))
    text = json.dumps({"a": ENTRY}).encode()
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + b"12345678")
    whole = [path.read_bytes() for path in sorted(tmp_path.iterdir())]
    draw, file = random.Random(0), tmp_path / "damaged.pt"
    loadable = 0
    for turn in range(200):
        data = bytearray(whole[turn % 4])
        at = draw.randrange(len(data))
        match turn // 4 % 4:
            case 0:
                del data[at:]
            case 1:
                data[at] ^= 1 << draw.randrange(8)
            case 2:
                data[at : at + 50] = bytes(len(data[at : at + 50]))
            case 3:
                data[at:at] = draw.randbytes(9)
        file.write_bytes(data)
        report = inspect_checkpoint(file)
        assert report.to_text() and json.dumps(report.to_dict())
        loadable += report.data["loadable"]
    assert loadable < 100


def test_arrays_and_nested_weights_are_found(tmp_path: Path) -> None:
    """numpy's arrays as weights or beside them, and state_dicts in a mapping, are read without trust."""
    model = net()
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"params": weights, "epoch": 2}))
    torch.save({"net": model.state_dict(), "random": np.random.RandomState(0).get_state()}, tmp_path / "b.pt")
    torch.save({"model": {"enc": model.state_dict(), "dec": model.state_dict()}}, tmp_path / "c.pt")
    for protocol in (0, 2):
        (tmp_path / f"d{protocol}.pkl").write_bytes(pickle.dumps(model.state_dict(), protocol))
    count = sum(p.numel() for p in model.parameters())
    for name in ("a.pkl", "b.pt", "d0.pkl", "d2.pkl"):
        found = read_checkpoint(tmp_path / name)
        assert found.safe and found.parameters == count, name
    assert "enc.0.weight" in read_checkpoint(tmp_path / "c.pt").weights


def test_attributes_of_a_tensor_do_not_stand_in_for_its_methods(tmp_path: Path) -> None:
    """A tensor that brings a `numel` of its own is laid open: as weights, counter, state of an optimizer."""
    odd = nn.Parameter(torch.ones(1))
    for name in ("numel", "detach", "element_size", "is_complex", "untyped_storage", "__float__"):
        setattr(odd, name, 5)
    state = {"param_groups": [], "state": {0: {"exp_avg": odd}}}
    torch.save({"model": {"a": odd}, "epoch": odd, "odd": odd, "optimizer": state}, tmp_path / "a.pt")
    report = inspect_checkpoint(tmp_path / "a.pt")
    assert report.to_text() and report.data["loadable"] and report.data["epoch"] == 1


def test_what_an_older_or_newer_writer_leaves_is_told_as_it_is(tmp_path: Path) -> None:
    """An old Lightning file has no checksums, scales in 8 bits are read, and each meta tensor counts."""
    lightning = {"pytorch-lightning_version": "2.5", "state_dict": net().state_dict()}
    torch.save(lightning, tmp_path / "old.ckpt", _use_new_zipfile_serialization=False)
    assert "has no checksums" in inspect_checkpoint(tmp_path / "old.ckpt").to_text()
    text = json.dumps({"a": {"dtype": "F8_E8M0", "shape": [8], "data_offsets": [0, 8]}}).encode()
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + b"12345678")
    assert read_checkpoint(tmp_path / "a.safetensors").parameters == 8
    torch.save({name: torch.empty(3, device="meta") for name in "ab"}, tmp_path / "meta.pt")
    assert read_checkpoint(tmp_path / "meta.pt").parameters == 6


def test_a_file_without_checksums_may_be_whole(tmp_path: Path) -> None:
    """Where checksums do not agree, the option of torch that leaves them out is named beside damage."""
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(net().state_dict(), tmp_path / "a.pt")
    finally:
        torch.serialization.set_crc32_options(True)
    assert "set_crc32_options(False)" in read_checkpoint(tmp_path / "a.pt").problems[0]


def test_calls_are_noted_up_to_a_limit() -> None:
    """Of a pickle with a hundred unknown calls the first twenty are noted, each once."""
    calls = b"".join(b"cmy\nmodel%d\n)R0" % (at // 2) for at in range(200))
    found = pickles.scan(b"\x80\x02" + calls + b"N.")
    assert found.whole and len(found.calls) == 20 and found.calls[1] == "my.model1()"


@pytest.mark.filterwarnings("ignore")
def test_odd_tensors_and_numbers(tmp_path: Path) -> None:
    """Sparse, meta, nested and empty tensors, endless numbers, optimizers that are none: a report."""
    odd = {
        "sparse": torch.eye(3).to_sparse(), "meta": torch.empty(1, device="meta"), "empty": torch.empty(0, 4),
        "nested": torch.nested.nested_tensor([torch.zeros(2, 3), torch.zeros(1, 3)]), "c": torch.zeros(2),
        "complex": torch.zeros(2, dtype=torch.cfloat), "loss": torch.empty(1, device="meta"),
    }  # fmt: skip
    torch.save(odd, tmp_path / "a.pt")
    lists = {"param_groups": [3, {"params": 5, "lr": "x"}], "state": [1]}
    torch.save(
        {"model": net().state_dict(), "optimizer": lists, "o": {"param_groups": None, "state": 1}},
        tmp_path / "b.pt",
    )
    huge = {"epoch": 10**5000, "loss": 10**400, "size": 10**5000, None: 1}
    huge["itself"] = huge
    (tmp_path / "c.pkl").write_bytes(pickle.dumps(huge))
    for name in ("a.pt", "b.pt", "c.pkl"):
        report = inspect_checkpoint(tmp_path / name)
        assert report.data["loadable"] and json.dumps(report.to_dict()), name


def test_what_integrity_means_is_said(tmp_path: Path) -> None:
    """A format with checksums is held against them; of one without it is said what would not be seen."""
    torch.save(net().state_dict(), tmp_path / "a.pt")
    (tmp_path / "b.pkl").write_bytes(pickle.dumps(net().state_dict()))
    assert "its checksums agree" in inspect_checkpoint(tmp_path / "a.pt").to_text()
    assert "this format has no checksums" in inspect_checkpoint(tmp_path / "b.pkl").to_text()
