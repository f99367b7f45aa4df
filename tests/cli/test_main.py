"""The terminal's front, as a process: what is printed where, and the exit status."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nbtrain
from nbtrain.commands._table import TABLE

ROOT = Path(nbtrain.__file__).parents[1]
AS_INSTALLED = [sys.executable, "-c", "import sys; from nbtrain.cli.main import main; sys.exit(main())"]
AS_MODULE = [sys.executable, "-m", "nbtrain"]
CRITICAL = """
import torch
for x, y in loader:
    with torch.autocast("cuda", dtype=torch.float16):
        loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
"""
TRAIN = """
import sys, torch, nbtrain
model = torch.nn.Linear(4, 2)
loader = [(torch.randn(8, 4), torch.randint(2, (8,))) for _ in range(4)]
for name in sys.argv[1].split(","):
    if name == "fail":
        loader[2] = (torch.randn(8, 5), loader[2][1])
    run = nbtrain.train(model, loader, no_val=True, epochs=int(sys.argv[2]), name=name, dir=sys.argv[3])
    print(run.id, flush=True)
    run.wait()
    print(run.status, flush=True)
"""


def env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}


def nb(*words: str, command: list[str] = AS_MODULE, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*command, *words], env=env(), capture_output=True, text=True, **options)


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other tests trained in this process is no run of a terminal's."""
    if "nbtrain.running.active" in sys.modules:
        monkeypatch.setattr(sys.modules["nbtrain.running.active"], "_runs", [])


def here(*words: str) -> subprocess.CompletedProcess[str]:
    """The same in this process, which spares it the start of another and the import of torch."""
    from nbtrain.cli.main import main

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(list(words))
    return subprocess.CompletedProcess(words, status, out.getvalue(), err.getvalue())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A folder with one completed and one failed run, trained by another process."""
    import torch  # noqa: F401 - the processes need it: the suite without torch leaves these tests out

    folder = tmp_path_factory.mktemp("trained")
    words = [sys.executable, "-c", TRAIN, "fine,fail", "2", str(folder)]
    done = subprocess.run(words, env=env(), capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    fine, _, failed, _ = done.stdout.split()
    return folder, fine, failed


@pytest.fixture
def training(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that trains until it is stopped, three times; it prints the id of each run and its end."""
    import torch  # noqa: F401

    words = [sys.executable, "-c", TRAIN, "endless,endless,endless", "1000000", "runs"]
    process = subprocess.Popen(words, env=env(), stdout=subprocess.PIPE, text=True, cwd=folder)
    assert process.stdout is not None
    yield process
    process.kill()
    process.wait(30)
    process.stdout.close()


@pytest.mark.parametrize("command", [AS_INSTALLED, AS_MODULE])
@pytest.mark.parametrize("words", [(), ("--help",), ("-h",), ("help",)])
def test_help_lists_every_verb(command: list[str], words: tuple[str, ...]) -> None:
    """The program, and python -m nbtrain, tell their verbs and end well."""
    done = nb(*words, command=command)

    assert (done.returncode, done.stderr) == (0, "")
    assert all(f"  {verb} " in done.stdout for verb in TABLE)


@pytest.mark.parametrize("verb", TABLE)
def test_every_verb_has_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """nbtrain VERB --help has a usage and an example."""
    from nbtrain.cli.main import main

    assert main([verb, "--help"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"usage: nbtrain {verb}") and "examples:" in said.out
    assert said.err == ""


def test_version() -> None:
    """--version is the package's, as text and as JSON."""
    assert nb("--version").stdout.strip() == nbtrain.__version__
    assert json.loads(nb("--version", "--json").stdout) == {"version": nbtrain.__version__}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("stauts",), "`stauts` is not a verb of nbtrain. Did you mean `status`?"),
        (("frobnicate",), "See nbtrain --help"),
        (("review",), "nbtrain review train.py"),
        (("review", "missing.py"), "There is no file `missing.py`"),
        (("review", "a.txt"), "`a.txt` is none"),
        (("review", "train.py", "--run"), "there is none"),
        (("runs", "--dri", "x"), "Did you mean `--dir`?"),
        (("status",), "No run yet: none in the folder `runs`"),
        (("status", "nope"), "No run is known as 'nope'"),
        (("stop",), "No run is training in the folder `runs`"),
        (("stop", "--after", "lunch"), "`--after lunch`: it must be step or epoch."),
        (("start", "--log", "json"), "Use %train in a notebook, or nbtrain.train(model, data)"),
        (("inspect", "model"), "In a notebook: %train inspect model"),
        (("explain", "adam"), "adam"),
    ],
)
def test_a_usage_error_is_one_line_and_status_2(
    folder: Path, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing on stdout, one line on stderr; with --json one object on stdout and nothing else."""
    from nbtrain.cli.main import main

    assert main(list(words)) == 2
    plain = capsys.readouterr()
    assert main([*words, "--json"]) == 2
    data = capsys.readouterr()

    assert said in plain.err and plain.out == "" and len(plain.err.strip().splitlines()) == 1
    told = json.loads(data.out)
    assert set(told) == {"error", "details"} and told["details"]["suggestion"]
    assert data.err == ""


def test_no_verb_is_a_usage_error_for_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    """--json alone is an object that lists the verbs, and status 2."""
    from nbtrain.cli.main import main

    assert main(["--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert all(verb in told["details"]["suggestion"] for verb in TABLE)


def test_review_of_a_fine_file_is_status_0(folder: Path) -> None:
    """A file without critical findings is reviewed as text and as one JSON object of the contract."""
    (folder / "train.py").write_text("import torch\nnet = torch.nn.Linear(4, 2)\n")
    text, data = nb("review", "train.py"), here("review", "train.py", "--json")

    assert (text.returncode, data.returncode, text.stderr, data.stderr) == (0, 0, "", "")
    assert "Review of train.py" in text.stdout and "Risk Assessment" in text.stdout
    keys = {"findings", "good_practices", "confidence", "risk", "information_gaps", "caveats"}
    assert keys | {"suggested_config"} <= set(json.loads(data.stdout))


def test_review_with_a_critical_finding_is_status_1(folder: Path) -> None:
    """A critical finding is told, and the status says so."""
    (folder / "train.py").write_text(CRITICAL)
    text, data = here("review", "train.py"), nb("--json", "review", "train.py")

    assert (text.returncode, data.returncode) == (1, 1)
    assert "critical" in {finding["severity"] for finding in json.loads(data.stdout)["findings"]}


def test_runs_lists_the_folder(trained: tuple[Path, str, str], folder: Path) -> None:
    """The table has both runs, in columns that fit a terminal; --json has every field."""
    where, fine, failed = trained
    text, data = nb("runs", "--dir", str(where)), here("runs", "--dir", str(where), "--json")

    assert fine in text.stdout and failed in text.stdout and "NaN" not in text.stdout
    assert max(map(len, text.stdout.splitlines())) <= 120
    rows = {row["run_id"]: row for row in json.loads(data.stdout)["runs"]}
    assert (rows[fine]["status"], rows[failed]["status"]) == ("completed", "failed")
    assert (text.returncode, data.returncode, text.stderr, data.stderr) == (0, 0, "", "")


def test_no_runs_is_said(folder: Path) -> None:
    """An empty folder is no error."""
    assert here("runs").stdout == "No runs here.\n"
    assert json.loads(here("runs", "--json").stdout) == {"runs": []}


@pytest.mark.parametrize("verb", ["status", "report"])
def test_a_run_is_told(trained: tuple[Path, str, str], folder: Path, verb: str) -> None:
    """A completed run is status 0; a failed one shows their traceback and is status 1."""
    where, fine, failed = trained
    good = here(verb, fine, "--dir", str(where))
    bad = here(verb, str(where / failed))

    assert good.returncode == 0 and "Training Complete" in good.stdout, good.stderr
    assert bad.returncode == 1 and "RuntimeError" in bad.stdout, bad.stderr
    told = here(verb, failed, "--dir", str(where), "--json")
    assert told.returncode == 1
    assert (json.loads(told.stdout)["run_id"], json.loads(told.stdout)["status"]) == (failed, "failed")


def test_another_process_is_followed_and_stopped(training: subprocess.Popen[str]) -> None:
    """A run that another process trains is told as it stands, and stopped, by name or by itself."""
    lines = iter(training.stdout.readline, "")
    run_id = next(lines).strip()
    until = time.monotonic() + 30
    while "Under Way" not in (told := here("status", "--dir", "runs")).stdout and time.monotonic() < until:
        time.sleep(0.2)
    paused = here("pause", run_id)

    assert told.returncode == 0 and "Training Under Way" in told.stdout, told.stderr
    assert paused.returncode == 1 and "cannot be paused here" in paused.stderr
    for stop, words in ((nb, ()), (here, (None,)), (here, ("--json",))):
        done = stop("stop", *(word or run_id[:-2] for word in words))
        assert done.returncode == 0 and run_id in done.stdout, done.stderr
        assert next(lines).strip() == "stopped"
        assert here("stop", run_id).returncode == 2
        run_id = next(lines, "").strip()
    assert training.wait(60) == 0


def test_a_reader_that_leaves_is_no_error(folder: Path) -> None:
    """`nbtrain ... | head -1` ends quietly."""
    command = f"{sys.executable} -m nbtrain explain adam-lr-too-high | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], env=env(), capture_output=True, text=True)
    closed = f"{sys.executable} -m nbtrain explain adam-lr-too-high | (exec 0<&-; sleep 0.1)"
    gone = subprocess.run(["bash", "-c", closed], env=env(), capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
    assert gone.stderr == ""


def test_a_poor_terminal_shows_what_it_can(folder: Path) -> None:
    """Signs that the terminal's encoding lacks are replaced instead of ending the program."""
    words = [*AS_MODULE, "explain", "adam-lr-too-high"]
    done = subprocess.run(words, env={**env(), "PYTHONIOENCODING": "ascii"}, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert "adam-lr-too-high" in done.stdout


def test_explain(folder: Path) -> None:
    """A rule's page is printed; --json has its sections."""
    assert "Why it hurts" in nb("explain", "adam-lr-too-high").stdout
    assert json.loads(here("explain", "adam-lr-too-high", "--json").stdout)["rule"] == "adam-lr-too-high"


def test_resume_says_what_there_is_and_where_it_can_go_on(trained: tuple[Path, str, str]) -> None:
    """A terminal has no objects to train: resume names step, checkpoint and the ways to go on, status 2."""
    where, fine, _ = trained
    said = here("resume", fine, "--dir", str(where))
    told = json.loads(here("resume", fine, "--dir", str(where), "--json").stdout)["details"]

    assert said.returncode == 2
    assert f"%train resume {fine}" in said.stderr and f"resume='{fine}'" in said.stderr
    assert told["run_id"] == fine and Path(told["checkpoint"]).is_dir() and told["step"] > 0


def test_a_folder_that_is_not_there_is_a_usage_error(folder: Path) -> None:
    """`nbtrain runs --dir` of a folder nobody made says so and ends with status 2."""
    done = here("runs", "--dir", "nowhere")

    assert done.returncode == 2
    assert "There is no folder `nowhere`." in done.stderr
