"""JupyterLab in headless Chromium: start, open a notebook, run it, look, shut down by pid.

    with Lab(tmp_path) as lab, lab.open(["import nbtrain", "..."]) as notebook:
        notebook.run_all()
        notebook.page.wait_for_selector(".nbtrain-panel")
        notebook.page.screenshot(path="shot.png")

What makes it steady, each found by failures: the session is made over REST before the page is opened
("run all" else races the session's start and two kernels come up); the page is ready when
`sessionContext` says so, not when the "idle" sign shows; Lab has its own HOME, settings, runtime folder
and port; the news pop-up is off; Chromium is the system's, with a fresh profile for each page. An empty
console must not be asserted.

What JupyterLab itself costs is paid rarely: a page takes four seconds of a processor to load, a kernel four
to import torch. `open` gives a page and a kernel of their own, for what reloads or ends them; `cells` gives
cells in a notebook that stays open, its kernel emptied before. Of Chromium there is one.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PICTURES = os.environ.get("NBTRAIN_SCREENSHOTS")  # the folder of the documentation's, if they are wanted
TOKEN = "nbtrain"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
READY = """() => {
  const panel = window.jupyterapp?.shell.currentWidget;
  if (!panel?.sessionContext?.isReady) return false;
  const kernel = panel.sessionContext.session?.kernel;
  return !!kernel && kernel.connectionStatus === 'connected' && kernel.status === 'idle';
}"""
ASK = """async (code) => {
  const future = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute(
    {code, store_history: false});
  let said = '';
  future.onIOPub = ({header, content}) => {
    if (header.msg_type === 'stream') said += content.text;
    if (header.msg_type === 'error') said += content.traceback.join('\\n');
  };
  const reply = await future.done;
  return [reply.content.status, said];
}"""
DONE = """() => {
  const {content, sessionContext} = window.jupyterapp.shell.currentWidget;
  const cells = content.model.sharedModel.cells.filter((c) => c.cell_type === 'code' && c.source.trim());
  const failed = cells.some((c) => c.getOutputs().some((output) => output.output_type === 'error'));
  const idle = sessionContext.session?.kernel?.status === 'idle';
  return failed || (idle && cells.every((c) => c.execution_count !== null));
}"""
REPLACE = """(cells) => {
  const {content} = window.jupyterapp.shell.currentWidget;
  const model = content.model.sharedModel;
  model.transact(() => {
    model.deleteCellRange(0, model.cells.length);
    model.insertCells(0, cells.map((source) => ({cell_type: 'code', metadata: {}, outputs: [], source})));
  }, false);
  return new Promise((done) => {
    const look = () => content.widgets.length === cells.length ? done() : setTimeout(look, 20);
    look();
  });
}"""
EMPTY = """
import sys as _sys
if 'nbtrain.running.active' in _sys.modules:
    for _run in _sys.modules['nbtrain.running.active'].alive():
        _run.stop()
        _run.wait(30)
    _sys.modules['nbtrain.running.active']._runs.clear()
if 'nbtrain' in get_ipython().extension_manager.loaded:
    get_ipython().extension_manager.unload_extension('nbtrain')
get_ipython().reset(new_session=False)
"""
IDLE = "() => window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'"


def chromium() -> str | None:
    """Return the path of the system's Chromium (NBTRAIN_CHROMIUM names another), None if there is none."""
    given = os.environ.get("NBTRAIN_CHROMIUM")
    return given or next(
        (path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None
    )


class Lab:
    """A JupyterLab server of its own.

    Args:
        home: an empty folder; becomes HOME, and holds settings and notebooks (`home/work`).
        dark: use the dark theme.
        env: further environment variables of the kernels.
    """

    def __init__(self, home: Path, *, dark: bool = False, env: dict[str, str] | None = None) -> None:
        self.home = Path(home)
        self.work = self.home / "work"
        self.work.mkdir(parents=True, exist_ok=True)
        self._settings(dark)
        self._env = {**os.environ, **self._places(), **(env or {})}
        self._env.pop("MPLBACKEND", None)  # the kernel's own choice shows figures in the notebook
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self._open = contextlib.ExitStack()  # the browser
        self._browser: Any = None
        self._stays = contextlib.ExitStack()  # the notebook that stays open
        self._staying: Notebook | None = None

    def __enter__(self) -> Lab:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        command = [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1",
            f"--port={port}", "--port-retries=0", f"--IdentityProvider.token={TOKEN}",
            "--ServerApp.disable_check_xsrf=True", "--LabApp.expose_app_in_browser=True",
            f"--LabApp.user_settings_dir={self.home}/user-settings", f"--ServerApp.root_dir={self.work}",
        ]  # fmt: skip
        with (self.home / "lab.log").open("wb") as log:
            self._process = subprocess.Popen(
                command, env=self._env, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                self.rest("GET", "/api/status")
                return self
            except OSError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(
                        f"JupyterLab did not start: {(self.home / 'lab.log').read_text()}"
                    ) from error
                time.sleep(0.2)

    def __exit__(self, *failure: object) -> None:
        self._stays.close()
        self._open.close()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def rest(self, method: str, path: str, body: Any = None) -> Any:
        """Call the server's REST interface; returns what it answered."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def write(self, name: str, cells: Sequence[str]) -> Path:
        """Write a notebook of code cells into the working folder."""
        made = [
            {
                "cell_type": "code",
                "id": f"c{i}",
                "metadata": {},
                "source": cell,
                "outputs": [],
                "execution_count": None,
            }
            for i, cell in enumerate(cells)
        ]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        path = self.work / name
        path.write_text(json.dumps({"cells": made, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))
        return path

    @contextlib.contextmanager
    def open(
        self, cells: Sequence[str] | Path, *, width: int = 1280, height: int = 1400, scale: float = 1
    ) -> Iterator[Notebook]:
        """Open a notebook in a fresh page, its kernel ready; shut kernel and page down at the end.

        Args:
            cells: sources of code cells, or the path of a notebook, which is copied.
            width, height: of the page, in CSS pixels. scale: device pixels per CSS pixel, where pictures are
                wanted; drawing them costs a processor's time.
        """
        name = f"n-{uuid.uuid4().hex[:8]}.ipynb"
        if isinstance(cells, Path):
            shutil.copy(cells, self.work / name)
        else:
            self.write(name, cells)
        wanted = {"path": name, "name": name, "type": "notebook", "kernel": {"name": "python3"}}
        session = self.rest("POST", "/api/sessions", wanted)
        size = {"width": width, "height": height}
        profile = self._chromium().new_context(viewport=size, device_scale_factor=scale if PICTURES else 1)
        try:
            url = f"{self.url}/doc/tree/{name}?token={TOKEN}"
            notebook = Notebook(page=profile.new_page(), path=self.work / name, url=url)
            with self._pictured(notebook):
                notebook.load()
                yield notebook
        finally:
            profile.close()
            with contextlib.suppress(OSError):  # the kernel may have died, which the test will say
                self.rest("DELETE", f"/api/sessions/{session['id']}")

    @contextlib.contextmanager
    def cells(
        self, cells: Sequence[str], *, width: int = 1280, height: int = 1400, scale: float = 1
    ) -> Iterator[Notebook]:
        """Give these code cells in the notebook that stays open; runs are ended and names gone before.

        Args: as `open` has them; where the scale counts, the page is a fresh one.
        """
        if PICTURES and scale != 1:
            with self.open(cells, width=width, height=height, scale=scale) as notebook:
                yield notebook
            return
        if self._staying is None:
            self._staying = self._stays.enter_context(self.open(["1"]))
        notebook = self._staying
        try:
            with self._pictured(notebook):
                notebook.page.set_viewport_size({"width": width, "height": height})
                notebook.execute(EMPTY)
                notebook.page.evaluate(REPLACE, list(cells))
                yield notebook
        except BaseException:  # the next test shall not suffer from it
            self._staying = None
            self._stays.close()
            raise

    def _chromium(self) -> Any:
        if self._browser is None:
            from playwright.sync_api import sync_playwright

            launch = self._open.enter_context(sync_playwright()).chromium.launch
            self._browser = launch(executable_path=chromium(), headless=True, args=CHROMIUM_FLAGS)
            self._open.callback(self._browser.close)
        return self._browser

    @contextlib.contextmanager
    def _pictured(self, notebook: Notebook) -> Iterator[None]:
        """Take a picture of the page where the block fails."""
        try:
            yield
        except BaseException:
            failed = self.home / f"{notebook.path.name}.png"
            with contextlib.suppress(Exception):  # the page may be gone; the error is what counts
                notebook.page.screenshot(path=failed)
                print(f"The page when it failed: {failed}", file=sys.stderr)
            raise

    def _places(self) -> dict[str, str]:
        home = str(self.home)
        known = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {
            "HOME": home,
            "JUPYTER_CONFIG_DIR": home + "/cfg",
            "JUPYTER_DATA_DIR": home + "/data",
            "JUPYTER_RUNTIME_DIR": home + "/run",
            "IPYTHONDIR": home + "/ipy",
            "PYTHONPATH": os.pathsep.join(known),  # an uninstalled checkout is tested as it is
        }

    def _settings(self, dark: bool) -> None:
        folder = self.home / "user-settings" / "@jupyterlab" / "apputils-extension"
        folder.mkdir(parents=True, exist_ok=True)
        quiet = {"fetchNews": "false", "checkForUpdates": False}
        (folder / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
        theme = {"theme": "JupyterLab Dark" if dark else "JupyterLab Light"}
        (folder / "themes.jupyterlab-settings").write_text(json.dumps(theme))


@dataclass
class Notebook:
    """A notebook in a page of a browser.

    Attributes:
        page: Playwright's page, for clicking and looking.
        path: the notebook's file.
        url: of the page.
    """

    page: Any
    path: Path
    url: str

    def load(self) -> None:
        """Open the page, or load it again, and wait for the kernel."""
        self.page.goto(self.url)
        self.page.wait_for_function(READY, timeout=60_000)

    def run_all(self) -> None:
        """Start all cells; returns at once."""
        # braces: the page's promise ends with the last cell, which is not waited for
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")

    def run(self, source: str) -> None:
        """Add a cell at the end, run it; returns at once."""
        self.page.evaluate(
            """(source) => {
              const notebook = window.jupyterapp.shell.currentWidget.content;
              notebook.activeCellIndex = notebook.widgets.length - 1;
              window.jupyterapp.commands.execute('notebook:insert-cell-below').then(() => {
                notebook.activeCell.model.sharedModel.setSource(source);
                window.jupyterapp.commands.execute('notebook:run-cell');
              });
            }""",
            source,
        )

    def ask(self, expression: str) -> str:
        """Return `str(expression)` as the kernel says it, beside all cells; waits while a cell runs."""
        return self.execute(f"print({expression})").rstrip("\n")

    def execute(self, code: str) -> str:
        """Return what the kernel prints when it executes `code`, beside all cells."""
        status, said = self.page.evaluate(ASK, code)
        if status != "ok":
            raise AssertionError(f"{code}: {said}")
        return said

    def theme(self, *, dark: bool) -> None:
        """Switch JupyterLab's theme, as its menu does."""
        name = "JupyterLab Dark" if dark else "JupyterLab Light"
        self.page.evaluate(
            "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", name
        )
        self.page.wait_for_selector(f'body[data-jp-theme-name="{name}"]', state="attached")

    def wait_done(self, timeout: float = 180_000) -> None:
        """Wait until every code cell has run, or one of them ended in an error (milliseconds)."""
        self.page.wait_for_function(DONE, timeout=timeout)

    def wait_idle(self, timeout: float = 60_000) -> None:
        """Wait until the kernel runs nothing (milliseconds)."""
        self.page.wait_for_function(IDLE, timeout=timeout)

    def save(self) -> dict[str, Any]:
        """Save the notebook; returns its file's content."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        return json.loads(self.path.read_text())
