"""%train and its verbs in a real shell."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

import nbtrain
from nbtrain.commands._table import TABLE

REFUSAL = "I need logging configured before training. Which backend would you like to use?"
PLAN_ITEMS = (
    "model (Sequential)", "Parameters", "train_loader (DataLoader)", "val_loader (DataLoader)", "16 each",
    "optimizer (SGD)", "lr=0.1", "criterion (CrossEntropyLoss)", "Schedule", "Precision", "Device",
    "Gradient clipping", "Logging", "Checkpoints", "Validation", "Estimated time", "Steps", "Epochs",
)  # fmt: skip
ONE_EPOCH = "%train --log json --epochs 1 --yes --wait"


def until(true: Callable[[], bool]) -> None:
    """Wait for what a thread brings about; the suite's own time limit ends a wait in vain."""
    while not true():
        time.sleep(0.01)


def one_line(err: str) -> bool:
    """True for a message without a traceback."""
    return len(err.strip().splitlines()) == 1 and "Traceback" not in err


def test_logging_is_asked_for_word_for_word(notebook: Any) -> None:
    """Without a backend nothing starts; the question and each way to answer it stand in one line."""
    said = notebook("%train --yes")

    assert said.err.startswith(f"UsageError: {REFUSAL}")
    assert all(f"--log {name}" in said.err for name in ("json", "tensorboard", "wandb", "mlflow"))
    assert '%config NBTrain.log = "json"' in said.err
    assert one_line(said.err)


def test_logging_is_set_once(notebook: Any) -> None:
    """After %config NBTrain.log no line needs --log, and %config NBTrain.dir says where runs go."""
    notebook('%config NBTrain.log = "json"\n%config NBTrain.dir = "kept"')
    notebook("run = %train --yes --wait --epochs 1").result.raise_error()

    run = notebook.shell.user_ns["run"]
    assert run.plan.work.options.log == ("json",)
    assert run.dir.parent.name == "kept"

    assert nbtrain.load_run(run.id).id == run.id, "Python calls look there too"
    assert list(nbtrain.list_checkpoints().index) == [run.step]
    assert run.id in nbtrain.runs().index


@pytest.mark.parametrize("line", ["--epochs 3", "--epochs 3 --yes --wait"])
def test_the_plan_shows_everything(notebook: Any, line: str) -> None:
    """Before anything starts each item of the plan is shown, and what is no default is marked."""
    said = notebook(f"%train --log json {line}")

    assert [item for item in PLAN_ITEMS if item not in said.out] == []
    assert "12 (4 an epoch)" in said.out
    epochs = next(line for line in said.out.splitlines() if line.split()[:1] == ["Epochs"])
    assert epochs.split()[1:] == ["3", "*", "you", "set", "it"]
    assert "Does this configuration look correct? Any changes?" in said.out or "--yes" in line


def test_a_plan_waits(notebook: Any, tmp_path: Any) -> None:
    """Without --yes the run is planned, nothing is on disk, and run.start() begins it."""
    notebook("run = %train --log json --epochs 1").result.raise_error()
    run = notebook.shell.user_ns["run"]
    assert (str(run.status), list(tmp_path.iterdir())) == ("planned", [])

    notebook("run.start().wait()").result.raise_error()
    assert run.status == "completed"


def test_a_plan_of_an_object_made_again_does_not_start(notebook: Any) -> None:
    """run.start() after the model's cell ran again is refused in one line; a new plan starts."""
    notebook("run = %train --log json --epochs 1").result.raise_error()
    notebook("old = model\nmodel = nn.Sequential(nn.Linear(4, 2))").result.raise_error()
    said = notebook("run.start()")

    assert "UsageError: `model` was made again since this plan: run %train again." in said.out + said.err
    assert "Traceback" not in said.out + said.err
    assert notebook.shell.user_ns["run"].status == "planned"
    notebook("model = old\nrun.start().wait()").result.raise_error()


def test_a_run_is_drawn_once(notebook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folder, cell, wait, status and the value of a later cell show one drawing."""
    from nbtrain.report import poster

    drawn = []
    draw = poster.draw_poster
    monkeypatch.setattr(poster, "draw_poster", lambda *words, **more: drawn.append(1) or draw(*words, **more))
    notebook(f"run = {ONE_EPOCH}").result.raise_error()
    notebook("run.wait()").result.raise_error()
    notebook("%train status").result.raise_error()

    assert len(drawn) == 1


def test_missing_validation_is_said_with_three_ways_on(notebook: Any) -> None:
    """A plan without validation data warns, also with --yes, and --no-val silences it."""
    notebook("del val_loader")
    warned = notebook("%train --log json --yes --wait --epochs 1")
    quiet = notebook("%train --log json --yes --wait --epochs 1 --no-val")

    ways = ("overfitting cannot be seen", "--split 0.2", "--no-val", "--val")
    assert all(way in " ".join(warned.out.split()) for way in ways)
    assert "overfitting cannot be seen" not in " ".join(quiet.out.split())


def test_the_magic_returns_the_run(notebook: Any) -> None:
    """`run = %train` binds it, --as binds it too, and it is the cell's value."""
    notebook("run = %train --log json --epochs 1 --yes --wait --as same").result.raise_error()
    names = notebook.shell.user_ns

    assert names["run"] is names["same"]
    assert notebook(ONE_EPOCH).result.result.status == "completed"


def test_a_run_is_shown_again_in_the_next_cell(notebook: Any) -> None:
    """The cell that showed a run does not show it as its value; another cell does."""
    notebook(f"run = {ONE_EPOCH}").result.raise_error()

    assert notebook("run").out.count("Training Complete") == 1


def test_a_waiting_cell_needs_a_start(notebook: Any) -> None:
    """--wait without --yes would wait for a click that cannot come, and says so."""
    said = notebook("%train --log json --wait")

    assert "UsageError: --wait" in said.err and "%train --yes --wait" in said.err


def test_a_bad_name_for_the_run_starts_nothing(notebook: Any, tmp_path: Any) -> None:
    """--as refuses before there is a run."""
    assert "is no name a variable can have" in notebook("%train --log json --yes --as my-run").err
    assert list(tmp_path.iterdir()) == []


def test_verbs_are_verbs_whatever_variables_there_are(notebook: Any) -> None:
    """A variable called stop, runs or status does not take the verb's place."""
    notebook("stop = runs = status = model")

    assert "No run is training in this kernel" in notebook("%train stop").err
    assert "No run yet" in notebook("%train status").err
    assert "Empty" in notebook("%train runs").out


def test_the_verbs_steer_the_run(notebook: Any) -> None:
    """pause, resume, save, set and stop act on the run that trains; status, runs and report tell of it."""
    notebook("run = %train --log json --epochs 1000000 --name mine --yes").result.raise_error()
    run = notebook.shell.user_ns["run"]

    assert f"Pausing {run.id}" in notebook("%train pause").out
    until(lambda: run.status == "paused")
    notebook("%train resume")
    until(lambda: run.status == "running")
    assert "Saving a checkpoint" in notebook("%train save").out
    assert run.id in notebook("%train runs").out
    assert "Under Way" in notebook("%train report").out
    assert f"Stopping {run.id} after this step" in notebook("%train stop mine").out
    assert run.wait(60).status == "stopped"
    assert "Training Stopped" in notebook("%train status").out
    assert len(run.history) == run.progress.step > 0


def test_a_second_run_on_the_same_model_is_refused(notebook: Any) -> None:
    """While one trains it the model cannot be trained again; the message names the ways on."""
    notebook("run = %train --log json --epochs 1000000 --yes").result.raise_error()
    said = notebook("%train --log json --yes")
    notebook("run.stop(); run.wait()")

    assert "is training this model right now" in said.err and "%train stop" in said.err
    assert len(list(notebook.shell.user_ns["run"].dir.parent.iterdir())) == 1


@pytest.mark.parametrize(
    ("line", "option", "value"),
    [
        ("--max_epochs=1", "epochs", 1),
        ("--num-train-epochs 1", "epochs", 1),
        ("--gradient_clip_val 0.5", "clip", 0.5),
        ("--max-grad-norm=1", "clip", 1.0),
        ("--accumulate-grad-batches 2", "accumulate", 2),
        ("--gradient_accumulation_steps=2", "accumulate", 2),
        ("--seed 0", "seed", 0),
        ("--precision bf16-mixed", "precision", "bf16"),
        ('--name "my run"', "name", "my run"),
    ],
)
def test_options_people_already_type(notebook: Any, line: str, option: str, value: Any) -> None:
    """Lightning's and Hugging Face's spellings work, with = or a space, dashes or underscores."""
    notebook(f"run = %train --log json {line}").result.raise_error()

    assert getattr(notebook.shell.user_ns["run"].plan.work.options, option) == value


def test_a_python_value_can_stand_in_the_line(notebook: Any) -> None:
    """IPython's {name} is filled in from the notebook."""
    notebook("n = 7\nrun = %train --log json --epochs {n}").result.raise_error()

    assert notebook.shell.user_ns["run"].plan.total_epochs == 7


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--epoch 3", "`--epoch` is not an option of %train. Did you mean `--epochs`?"),
        ("--epochs ten", "`--epochs ten`: it must be a whole number, at least 1"),
        ("--epochs 0", "it must be a whole number, at least 1"),
        ("--log jsn", "`jsn` is not a logging backend. Did you mean `json`?"),
        ("--name 'half", "a quote is not closed"),
        ("modle train_loader", "Did you mean `model`"),
        ("stpo", "Did you mean `%train stop`?"),
        ("runz", "Did you mean `%train runs`?"),
        ("--val nothing", "There is no variable `nothing` in this notebook"),
        ("--metric f1", "`f1` is no function of this notebook"),
        ("--split 2", "it must lie between 0 and 1"),
    ],
)
def test_wrong_words_are_one_line(notebook: Any, line: str, said: str) -> None:
    """What was passed, what is allowed and what to do, without a traceback; nothing is started."""
    typed = notebook(f"%train --log json {line}" if line not in ("stpo", "runz") else f"%train {line}")

    assert said in typed.err, typed.err
    assert one_line(typed.err) and typed.err.startswith("UsageError: ")
    assert typed.out == ""
    assert typed.error is not None


def test_an_unwritable_folder_is_one_line(notebook: Any, tmp_path: Any) -> None:
    """A folder that is a file is said, and the run is not bound."""
    (tmp_path / "taken").write_text("")
    typed = notebook("run = %train --log json --dir taken --yes")

    assert one_line(typed.err) and "taken" in typed.err
    assert "run" not in notebook.shell.user_ns


def test_an_unwritable_folder_is_refused_before_a_plan(notebook: Any) -> None:
    """No plan is shown for a run that could not be written."""
    typed = notebook("%train --log json --dir /proc/nowhere")

    assert one_line(typed.err) and "Could not make a run folder at /proc/nowhere" in typed.err
    assert typed.out == ""


def test_a_backend_without_its_package_is_refused_before_a_plan(
    notebook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No plan is shown for a run that could not be logged as asked: one line with the install command."""
    monkeypatch.setitem(sys.modules, "wandb", None)
    typed = notebook("%train --log json,wandb")

    assert one_line(typed.err) and '%pip install "nbtrain[wandb]"' in typed.err
    assert typed.out == ""


def test_a_first_batch_that_fails_is_refused_with_its_explanation(notebook: Any, tmp_path: Any) -> None:
    """--yes starts nothing that would surely fail: the person's frames and the way to mend it, no folder."""
    notebook(
        "from torch.utils.data import DataLoader\n"
        "ragged = [(torch.zeros(n), n % 2) for n in (3, 4, 5, 6)]\n"
        "train_loader = DataLoader(ragged, batch_size=2)"
    )
    typed = notebook("run = %train --log json --yes --no-val --dir new")

    assert typed.out == ""
    assert "The first batch fails in your code (RuntimeError: stack expects each tensor" in typed.err
    assert "Nothing was started, and nothing is on disk." in typed.err
    assert "collate_fn" in typed.err, "how to mend it"
    assert "site-packages/nbtrain" not in typed.err and "run" not in notebook.shell.user_ns
    assert not (tmp_path / "new").exists()


def test_a_layer_that_does_not_fit_the_data_is_named_without_frames_of_torch(notebook: Any) -> None:
    """Where no line of the person's is on the way, the layer and the line that mends it stand alone."""
    notebook(
        "from torch.utils.data import DataLoader, TensorDataset\n"
        "wide = DataLoader(TensorDataset(torch.zeros(8, 7), torch.zeros(8).long()), batch_size=4)\n"
        "narrow = torch.nn.Sequential(torch.nn.Linear(6, 3), torch.nn.ReLU())\n"
        "its = torch.optim.SGD(narrow.parameters(), lr=0.1)"
    )
    typed = notebook("%train narrow wide --log json --yes --no-val")

    assert "The layer `narrow[0]` takes 6 features" in typed.err
    assert "narrow[0] = nn.Linear(7, 3)" in typed.err
    assert "Traceback" not in typed.err and "site-packages" not in typed.err


def test_python_calls_are_one_line_too(notebook: Any) -> None:
    """nbtrain.train(...) in a cell shows our errors without a traceback."""
    typed = notebook("import nbtrain\nnbtrain.train(model, train_loader, epochz=3)")

    assert (
        "UsageError: `epochz` is not an option of training. Did you mean `epochs`?" in typed.out + typed.err
    )
    assert "Traceback" not in typed.out + typed.err


def test_a_failed_run_shows_their_traceback(notebook: Any) -> None:
    """An exception in the person's model ends the run as failed, with their lines and none of ours."""
    notebook(
        "class Bad(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.layer, self.calls = nn.Linear(4, 2), 0\n"
        "    def forward(self, x):\n"
        "        self.calls += 1\n"
        "        if self.calls > 6:\n"
        "            raise ValueError('my own mistake')\n"
        "        return self.layer(x)\n"
        "bad = Bad()\n"
        "sgd = torch.optim.SGD(bad.parameters(), lr=0.1)"
    ).result.raise_error()
    said = notebook("run = %train bad --optimizer sgd --log json --yes --wait --epochs 5")

    assert said.err == "" and notebook.shell.user_ns["run"].status == "failed"
    assert "raise ValueError('my own mistake')" in said.out
    assert "nbtrain/train" not in said.out
    assert "run.result()" not in said.out
    assert notebook("1 + 1").out.strip().endswith("2")


def test_the_cells_that_made_the_objects_are_in_the_run_folder(notebook: Any) -> None:
    """cells.py has the cell of the model of this run, not that of one it replaced; so has nbtrain.train's."""
    notebook.shell.run_cell("width = 5", store_history=True)
    notebook.shell.run_cell("model = nn.Linear(4, 2)  # the old one", store_history=True)
    notebook.shell.run_cell("unrelated = 3", store_history=True)
    cell = "model = nn.Sequential(nn.Linear(4, width), nn.Linear(width, 2))\noptimizer = None"
    notebook.shell.run_cell(cell, store_history=True)
    notebook.shell.run_cell("run = %train --log json --yes --wait --epochs 1", store_history=True)
    text = (notebook.shell.user_ns["run"].dir / "cells.py").read_text()
    assert cell in text and "width = 5" in text
    assert "the old one" not in text and "unrelated" not in text

    notebook("import nbtrain\nother = nbtrain.train(model, train_loader, no_val=True, epochs=1).wait()")
    assert cell in (notebook.shell.user_ns["other"].dir / "cells.py").read_text()


def test_metrics_of_the_notebook_are_measured(notebook: Any) -> None:
    """--metric name=function appears in the plan and in the run's epochs."""
    notebook("def hit_rate(output, target):\n    return (output.argmax(1) == target).float().mean()")
    said = notebook("run = %train --log json --yes --wait --epochs 1 --metric hits=hit_rate")

    epochs = notebook.shell.user_ns["run"].epochs
    assert "hits" in said.out
    assert epochs["val_hits"].iloc[0] == pytest.approx(epochs["val_acc"].iloc[0])


def test_waiting_is_the_rule_without_a_kernel(notebook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody can click the cell waits, prints a line per epoch and leaves the report."""
    monkeypatch.delenv("NBTRAIN_WAIT")
    said = notebook("run = %train --log json --epochs 3")

    assert notebook.shell.user_ns["run"].status == "completed"
    assert "Nobody is here to click Start" in said.out
    assert [line.split()[1] for line in said.out.splitlines() if line.startswith("epoch ")] == list("123")
    assert "Training Complete" in said.out


def test_a_failed_run_in_batch_says_how_the_notebook_fails(
    notebook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cell itself does not raise; run.result(), which the printed line names, does."""
    monkeypatch.delenv("NBTRAIN_WAIT")
    notebook(
        "seen = []\n"
        "def wrong(output, target):\n"
        "    seen.append(1)\n"
        "    return 1 / (len(seen) < 3) * output.mean()"
    )
    said = notebook("run = %train --log json --epochs 3 --loss wrong")

    assert said.error is None
    assert "failed: ZeroDivisionError" in said.out
    assert "call run.result() on the run that %train returns" in said.out
    assert type(notebook("run.result()").error).__name__ == "NbtrainError"


def test_a_wrong_wait_setting_is_said(notebook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """NBTRAIN_WAIT takes 0 and 1, and says so."""
    monkeypatch.setenv("NBTRAIN_WAIT", "maybe")
    said = notebook("%train --log json --yes")

    assert "NBTRAIN_WAIT is 'maybe'" in said.err and one_line(said.err)


@pytest.mark.parametrize("verb", TABLE)
def test_every_verb_tells_its_help(notebook: Any, verb: str) -> None:
    """%train VERB --help prints usage and an example and does nothing."""
    said = notebook(f"%train {verb} --help")

    assert said.out.startswith("usage: %train")
    assert "examples:" in said.out and said.err == ""


def test_help_tells_the_verbs(notebook: Any) -> None:
    """%train --help, and %train help, has the options of training and the list of verbs."""
    said = notebook("%train --help").out
    assert notebook("%train help").out == said

    assert "--epochs N" in said
    assert all(f"  {verb} " in said for verb in TABLE)


def test_explain_plan_and_inspect_are_values(notebook: Any) -> None:
    """Verbs that make a document give it as the cell's value."""
    assert "adam-lr-too-high" in notebook("%train explain adam-lr-too-high").out
    assert "criterion (CrossEntropyLoss)" in notebook("%train plan --log json").out
    inspection = notebook("%train inspect optimizer").result.result
    assert inspection.optimizers[0][1] is notebook.shell.user_ns["optimizer"]


def test_a_dry_run_starts_nothing(notebook: Any) -> None:
    """%train --dry-run shows the plan with its first steps, asks nothing, starts nothing."""
    notebook("import nbtrain\nfrom nbtrain.running import active\nbefore = active.newest()")
    said = notebook("%train --log json --dry-run --max-steps 2")
    assert "Steps taken" in said.out and "as before, hashes compared" in said.out
    assert notebook("active.newest() is before, len(nbtrain.runs())").result.result == (True, 0)


def test_fast_shows_what_was_tried(notebook: Any) -> None:
    """%train plan --fast has the table; a run too short for trying says that and what does not apply here."""
    said = notebook("%train plan --log json --fast --epochs 1")

    assert "Faster (--fast)" in said.out and "Nothing is tried: it would take" in said.out
    row = next(line for line in said.out.splitlines() if line.startswith("TF32"))
    assert "not tried" in row and "no CUDA" in row


def test_a_followed_cell_is_not_made_faster(notebook: Any) -> None:
    """%%train --fast is refused in one line with a way on, and the cell does not run."""
    said = notebook("%%train --log json --fast\nnever = True")

    assert "`fast` is for trainings of nbtrain itself: a loop of your own is followed" in said.err
    assert "%train plan --fast" in said.err and one_line(said.err)
    assert "never" not in notebook.shell.user_ns
