"""A click on a real kernel whose main thread runs a cell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

HERE = Path(__file__).resolve().parent
SET_UP = f"""
import sys; sys.path[:0] = [{str(HERE)!r}, {str(HERE.parents[1])!r}]
from made_run import Feeder, MadeRun
from nbtrain.widgets.panel import RunPanel
run = MadeRun(); panel = RunPanel(run); run.watchers.append(panel)
feeder = Feeder(run, every_s=0.02).start()
print(panel.comm.comm_id)
"""
BUSY = """
import time
deadline = time.monotonic() + 20
while not run.asked and time.monotonic() < deadline:
    time.sleep(0.01)
print("heard" if run.asked else "not heard while the cell ran")
"""


def printed(client: Any, source: str, *, then: Any = None) -> str:
    """Run a cell; call `then` once it runs; return what it printed."""
    out: list[str] = []

    def on_message(message: dict[str, Any]) -> None:
        if message["msg_type"] == "execute_input" and then is not None:
            then()
        if message["msg_type"] == "stream":
            out.append(message["content"]["text"])

    client.execute_interactive(source, output_hook=on_message, timeout=60)
    return "".join(out).strip()


@pytest.mark.kernel
def test_a_click_is_handled_while_a_cell_runs() -> None:
    """Pause pressed during a busy cell reaches the run before the cell ends."""
    manager, client = start_new_kernel()
    try:
        if "kernel subshells" not in client.kernel_info(reply=True)["content"].get("supported_features", []):
            pytest.skip("this ipykernel has no subshells: clicks wait for the cell there")
        comm_id = printed(client, SET_UP).splitlines()[-1]
        request = client.session.msg("create_subshell_request")
        client.control_channel.send(request)
        subshell = client.control_channel.get_msg(timeout=30)["content"]["subshell_id"]

        def click() -> None:
            content = {"type": "control", "action": "pause"}
            data = {"comm_id": comm_id, "data": {"method": "custom", "content": content}}
            message = client.session.msg("comm_msg", data)
            message["header"]["subshell_id"] = subshell
            client.shell_channel.send(message)

        said = printed(client, BUSY, then=click)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)

    assert said == "heard"
