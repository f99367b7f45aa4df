"""What every test stands on: folders of its own, few threads, and no browser test skipped unseen.

Owns the environment of the test process and its children, the real shell and kernel. Knows no feature.
"""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
REQUIRED_MARKS = ("browser", "kernel")  # with NBTRAIN_REQUIRE_BROWSER=1 each test with one of these must run
LEFT_FOR_LATER = ("slow", "nightly", "gpu")  # marks of tests that the default run leaves out knowingly
SLOW_ALONE = "slow and not nightly and not gpu"  # what `make test-slow` runs after `make test` (its words)
KEPT_VARIABLES = ("NBTRAIN_REQUIRE_BROWSER", "NBTRAIN_CHROMIUM", "NBTRAIN_TESTS", "NBTRAIN_SCREENSHOTS")
missed = pytest.StashKey[list[tuple[str, str]]]()  # (test, why it did not run)
elsewhere = pytest.StashKey[set[str]]()  # required marks of tests that other processes had
isolated = pytest.StashKey[Path]()


def chromium_path() -> str | None:
    """Find a Chromium; NBTRAIN_CHROMIUM names one that is not on PATH."""
    return os.environ.get("NBTRAIN_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


def browser_required() -> bool:
    return os.environ.get("NBTRAIN_REQUIRE_BROWSER", "") not in ("", "0")


# --- the environment ------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    """Give this session and its children their own Jupyter folders, before IPython or torch is imported."""
    home = Path(tempfile.mkdtemp(prefix="nbtrain-tests-"))
    config.stash[isolated] = home
    config.stash[missed], config.stash[elsewhere] = [], set()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # so a shell starts what it runs in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)  # kernels and scripts would be deaf too
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # kernels and scripts would compile nbtrain each time
    sys.dont_write_bytecode = False
    profile = home / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    # Without it each kernel and shell opens a history database and a thread to write it.
    (profile / "ipython_config.py").write_text("c.HistoryManager.enabled = False\n")
    for name in [n for n in os.environ if n.startswith(("NBTRAIN_", "JUPYTER", "IPYTHON"))]:
        if name not in KEPT_VARIABLES:
            del os.environ[name]
    os.environ.update(
        IPYTHONDIR=str(home / "ipython"),
        JUPYTER_CONFIG_DIR=str(home / "config"),
        JUPYTER_DATA_DIR=str(home / "data"),
        JUPYTER_RUNTIME_DIR=str(home / "runtime"),
        MPLBACKEND="Agg",
        WANDB_MODE="offline",
        WANDB_SILENT="true",
        HF_HUB_OFFLINE="1",
        HF_HOME=str(home / "huggingface"),
        PYDEVD_DISABLE_FILE_VALIDATION="1",
    )
    # Models here are tiny, and processes share the cores: a second thread that is not scheduled is waited for
    # in a loop, which made a training ten times as dear.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share the files; all browser tests to one process: two browsers at once crowd out the rest."""
    from xdist.scheduler import LoadFileScheduling

    class OneBrowser(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            scope = super()._split_scope(nodeid)
            return "tests/browser" if scope.startswith("tests/browser/") else scope

    return OneBrowser(config, log)


def pytest_collection_finish() -> None:
    """Keep what was imported out of later searches for garbage; shells and kernels here search often."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[isolated], ignore_errors=True)


# --- browser and kernel tests run, or it is said --------------------------------------------------


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put files with browsers and kernels first: processes that share files then end together."""
    heavy = {mark: {item.path for item in items if item.get_closest_marker(mark)} for mark in REQUIRED_MARKS}
    items.sort(key=lambda item: [item.path not in heavy[mark] for mark in REQUIRED_MARKS])
    if chromium_path() or browser_required():
        return
    no_browser = pytest.mark.skip(reason="no chromium here (Debian: apt install chromium)")
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(no_browser)


def is_required(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(mark) for mark in REQUIRED_MARKS)


def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in filter(is_required, items):
        if item.config.option.markexpr == SLOW_ALONE and not item.get_closest_marker("slow"):
            continue  # ran before
        if any(item.get_closest_marker(mark) for mark in LEFT_FOR_LATER):
            continue
        item.config.stash[missed].append((item.nodeid, "deselected"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()
    if without_torch() and call.excinfo and lacks_torch(call.excinfo.value):
        report.outcome, report.longrepr = "skipped", (str(item.path), 0, "needs torch")
    if report.skipped and is_required(item) and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        item.config.stash[missed].append((item.nodeid, reason))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    config = session.config
    there = {mark for mark in REQUIRED_MARKS for item in session.items if item.get_closest_marker(mark)}
    if hasattr(config, "workeroutput"):  # one of several processes: the one that started them decides
        config.workeroutput.update(missed=config.stash[missed], there=sorted(there))
        return
    there |= config.stash[elsewhere]
    whole_suite = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    whole_suite = whole_suite and config.option.markexpr != SLOW_ALONE
    if browser_required() and whole_suite:
        for mark in sorted(set(REQUIRED_MARKS) - there):
            config.stash[missed].append((f"every test marked `{mark}`", "none was collected"))
    if browser_required() and config.stash[missed] and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: Any) -> None:
    """Take over what a process of pytest-xdist did not run; each of them deselects the same."""
    told = getattr(node, "workeroutput", {})
    known = node.config.stash[missed]
    known += [tuple(one) for one in told.get("missed", ()) if tuple(one) not in known]
    node.config.stash[elsewhere].update(told.get("there", ()))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Name a failure when it happens: of a run that is cut off nothing else would be known."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        message = getattr(getattr(report.longrepr, "reprcrash", None), "message", str(report.longrepr))
        print(f"\n{report.when} failed: {report.nodeid}\n{message[:500]}", flush=True)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if not config.stash[missed]:
        return
    red = {"red": True, "bold": True}
    terminalreporter.section("BROWSER OR KERNEL TESTS THAT DID NOT RUN", **red)
    for test, why in config.stash[missed]:
        terminalreporter.line(f"{test}: {why}", **red)
    if browser_required():
        terminalreporter.line("NBTRAIN_REQUIRE_BROWSER is set, so this fails the session.", **red)
    else:
        terminalreporter.line(
            "The rest of the result says nothing about what a person sees in the browser.", **red
        )


# --- the torch-free part on other Pythons (tests/other_pythons.py) --------------------------------


def without_torch() -> bool:
    return os.environ.get("NBTRAIN_TESTS") == "torch-free"


def lacks_torch(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] == "torch":
            return True
        error = error.__cause__ or error.__context__
    return False


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Pass over folders whose conftest imports torch: a conftest that cannot load ends the session."""
    conftest = collection_path / "conftest.py"
    if without_torch() and conftest.is_file() and "\nimport torch" in conftest.read_text():
        return True
    return None


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()
    if without_torch() and report.failed and "No module named 'torch'" in str(report.longrepr):
        report.outcome, report.longrepr = "skipped", (str(collector.path), 0, "needs torch")


# --- real shells and kernels ----------------------------------------------------------------------


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give a real InteractiveShell with an empty namespace, working in `tmp_path`; unload nbtrain after."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    monkeypatch.chdir(tmp_path)
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    yield shell
    if "nbtrain" in shell.extension_manager.loaded:
        shell.extension_manager.unload_extension("nbtrain")
    shell.reset(new_session=False)
    atexit.unregister(shell.atexit_operations)
    InteractiveShell.clear_instance()


@pytest.fixture(scope="session")
def shared_kernel() -> Iterator[Any]:
    """Start one real ipykernel for the session; 0.6 s once instead of per test."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3", startup_timeout=60)
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(shared_kernel: Any, tmp_path: Path) -> Any:
    """Give the client of a real kernel with an empty namespace, its working folder in `tmp_path`."""
    reply = shared_kernel.execute_interactive(
        f"%reset -f\nimport os; os.chdir({str(tmp_path)!r})", timeout=60, store_history=False
    )
    assert reply["content"]["status"] == "ok"
    return shared_kernel


@pytest.fixture(scope="session")
def chromium() -> str:
    """Give the path of the browser; a session that requires one fails here without it."""
    path = chromium_path()
    assert path, "NBTRAIN_REQUIRE_BROWSER is set and there is no chromium (Debian: apt install chromium)"
    return path


@pytest.fixture(scope="session")
def python() -> str:
    """Give the interpreter that runs the tests, for subprocesses."""
    return sys.executable
