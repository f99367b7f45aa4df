"""%train in a real kernel: it stays free, displays follow, interrupts stop at a step, prints find home."""

from __future__ import annotations

import time
from typing import Any

import pytest
from shown import WIDGET, has_widget, picture_came, pictures, report_came

pytestmark = pytest.mark.kernel

ENDLESS = "%train --epochs 1000000 --yes"


def test_the_kernel_is_free_while_it_trains(live: Any) -> None:
    """The cell of %train ends at once with the live panel; the next cells run while the run goes on."""
    first = live(f"run = {ENDLESS}")
    between = live("run.status.alive, run.progress.step >= 0")

    assert has_widget(first)
    assert "(True, True)" in between.text
    assert "Stopping" in live("%train stop").printed


def test_the_plan_is_shown_before_the_panel(live: Any) -> None:
    """With --yes the plan stands above the panel, folded; its text has every item."""
    shown = live("run = %train --yes --epochs 1").shown

    assert shown[0]["text/plain"].startswith("Plan: model")
    assert "<details" in shown[0]["text/html"]
    assert [at for at, data in enumerate(shown) if WIDGET in data or "image/png" in data] == [1]


@pytest.mark.parametrize("source", ["%train --yes --epochs 1", "run = %train --yes --epochs 1\nrun"])
def test_a_run_is_shown_exactly_once(live: Any, source: str) -> None:
    """As the value of its own cell a run adds no second panel."""
    cell = live(source)
    live.wait_for(picture_came(cell))
    live("run = __import__('nbtrain').last_run().wait();")

    assert len(pictures(cell)) == 1
    assert len([data for data in cell.shown if "Training Complete" in data["text/plain"]]) == 1


def test_the_picture_takes_the_panels_place_while_idle(live: Any) -> None:
    """With the kernel idle the panel's display becomes picture and text, no widget; a report follows."""
    cell = live(f"run = {ENDLESS}")
    assert has_widget(cell)
    live("run.stop()")
    live.wait_for(picture_came(cell))
    live.wait_for(report_came(cell))

    assert len(pictures(cell)) == 1 and pictures(cell)[0]["text/plain"].startswith("model: stopped")
    assert not has_widget(cell)
    assert "Training Stopped" in cell.text


def test_the_picture_takes_the_panels_place_while_another_cell_is_busy(live: Any) -> None:
    """The end of a run shows in its own cell although a later cell occupies the kernel."""
    cell = live("run = %train --yes --max-steps 300")
    busy = live.begin("import time\nwhile run.status.alive:\n    time.sleep(0.01)\ntime.sleep(5)")
    live.wait_for(picture_came(cell))
    still_busy = not any(
        one["msg_type"] == "status" and one["content"]["execution_state"] == "idle"
        for one in live.messages
        if one["parent_header"].get("msg_id") == busy
    )
    live.interrupt()
    live.end(busy)

    assert still_busy
    assert len(pictures(cell)) == 1


def test_status_shows_the_panel_while_running_and_the_picture_after(live: Any) -> None:
    """%train status is a live panel while it trains, and ends as a picture; afterwards it is the picture."""
    live(f"run = {ENDLESS}")
    during = live("%train status")
    assert has_widget(during)
    live("run.stop(); run.wait();")
    live.wait_for(picture_came(during))
    after = live("%train status")

    assert not has_widget(during) and len(pictures(during)) == 1
    assert not has_widget(after) and len(pictures(after)) == 1
    assert "Training Stopped" in after.text


def test_an_interrupt_of_wait_stops_at_a_step(live: Any) -> None:
    """The square button on run.wait() stops at a step boundary; model and history stay, no error shows."""
    live(f"run = {ENDLESS}")
    waiting = live.begin("run.wait()\nwaited = True")
    time.sleep(0.5)
    live.interrupt()
    cell = live.end(waiting)

    assert cell.error == []
    kept = live(
        "waited, str(run.status), len(run.history) == run.progress.step > 0, "
        "all(p.isfinite().all() for p in model.parameters())"
    )
    assert "(True, 'stopped', True, True)" in kept.text


def test_an_interrupt_of_a_waiting_train_stops_at_a_step(live: Any) -> None:
    """The square button on `%train --yes --wait` does the same, and the cell ends with the picture."""
    waiting = live.begin(f"run = {ENDLESS} --wait")
    live.wait_for(lambda one: one["msg_type"] == "update_display_data" and WIDGET in one["content"]["data"])
    time.sleep(0.5)
    live.interrupt()
    cell = live.end(waiting)

    assert cell.error == []
    assert len(pictures(cell)) == 1 and not has_widget(cell)
    assert "('stopped', True)" in live("str(run.status), len(run.history) == run.progress.step > 0").text


def test_prints_of_the_training_land_in_its_cell(live: Any) -> None:
    """What the model prints while it trains lands in the cell that started it, also during later cells."""
    live(
        "class Loud(nn.Linear):\n"
        "    def forward(self, x):\n"
        "        if self.training and run_started: print('from the training thread')\n"
        "        return super().forward(x)\n"
        "run_started = False\n"
        "loud = Loud(4, 2)\n"
        "sgd = torch.optim.SGD(loud.parameters(), lr=0.1)"
    )
    cell = live("run = %train loud --optimizer sgd --epochs 1000000 --yes\nrun_started = True")
    later = live("import time\ntime.sleep(0.5)\nprint('mine')\nrun_started = False")
    live("run.stop(); run.wait();")

    assert later.printed == "mine\n"
    assert "from the training thread" in cell.printed


def test_a_failed_run_leaves_a_healthy_kernel(live: Any) -> None:
    """Their traceback replaces the panel, without our lines; the next cell runs, and so does the next run."""
    live(
        "class Bad(nn.Linear):\n"
        "    def forward(self, x):\n"
        "        if armed: raise ValueError('my own mistake')\n"
        "        return super().forward(x)\n"
        "armed = False\n"
        "bad = Bad(4, 2)\n"
        "sgd = torch.optim.SGD(bad.parameters(), lr=0.1)"
    )
    cell = live("run = %train bad --optimizer sgd --epochs 1000000 --yes\narmed = True")
    live.wait_for(picture_came(cell))
    live("run.wait();")

    assert "raise ValueError('my own mistake')" in cell.text.replace('"', "'")
    assert "nbtrain/train" not in cell.text
    assert "failed" in live("str(run.status)").text
    assert (
        "completed"
        in live("armed = False\nr = %train bad --optimizer sgd --epochs 1 --yes --wait\nstr(r.status)").text
    )


def test_our_errors_are_one_line_in_a_cell(live: Any) -> None:
    """UserErrors of magics and of Python calls show no traceback; the cell counts as failed."""
    magic = live("%train --epochs ten")
    call = live("import nbtrain\nnbtrain.train(model, train_loader, epochz=3)")

    assert magic.printed.startswith("UsageError: ") and len(magic.printed.strip().splitlines()) == 1
    assert magic.reply["content"]["status"] == call.reply["content"]["status"] == "error"
    assert call.error == ["UsageError: `epochz` is not an option of training. Did you mean `epochs`?"]


def test_inspect_shows_a_widget_with_a_stand_in(live: Any) -> None:
    """nbtrain.inspect(model) is a widget; where it cannot be shown its text and table stand in."""
    (shown,) = live("import nbtrain\nnbtrain.inspect(model)").shown

    assert WIDGET in shown
    assert "optimizer[0]" in shown["text/plain"] and "<table" in shown["text/html"]
    assert WIDGET in live("%train inspect train_loader").shown[0]


def test_values_show_without_the_extension(live: Any) -> None:
    """nbtrain.train in a cell shows the panel also where %load_ext was never run."""
    live("%unload_ext nbtrain")
    cell = live(
        "import nbtrain\n"
        "run = nbtrain.train(model, train_loader, optimizer=optimizer, no_val=True, epochs=10**6)\n"
        "run"
    )
    live("run.stop(); run.wait();")

    assert len(cell.shown) == 2 and len(pictures(cell)) == 1


def test_with_nobody_there_the_cell_waits(live: Any) -> None:
    """A request that allows no input is a batch execution: lines per epoch, then picture and report."""
    cell = live("run = %train --epochs 3", allow_stdin=False)

    lines = [line.split()[1] for line in cell.printed.splitlines() if line.startswith("epoch ")]
    assert lines == ["1", "2", "3"]
    assert cell.shown[0]["text/plain"].startswith("Plan: model")
    assert len(pictures(cell)) == 1 and not has_widget(cell)
    assert "Training Complete" in cell.shown[-1]["text/plain"]


def test_the_environment_decides_who_is_there(live: Any) -> None:
    """NBTRAIN_WAIT=1 waits although somebody is there, NBTRAIN_WAIT=0 does not although nobody is."""
    waits = live("import os\nos.environ['NBTRAIN_WAIT'] = '1'\nrun = %train --epochs 1")
    live("os.environ['NBTRAIN_WAIT'] = '0'")
    goes_on = live(f"run = {ENDLESS}", allow_stdin=False)

    assert "epoch 1" in waits.printed
    assert has_widget(goes_on)


def test_an_interrupt_in_batch_stops_at_a_step(live: Any) -> None:
    """Interrupting a batch cell stops the run, says so, and still leaves the picture."""
    waiting = live.begin("run = %train --epochs 1000000", allow_stdin=False)
    live.wait_for(lambda one: one["msg_type"] == "stream" and "epoch 1 " in one["content"]["text"])
    live.interrupt()
    cell = live.end(waiting)

    assert cell.error == []
    assert "stopping at the next step" in cell.printed
    assert len(pictures(cell)) == 1


def test_colab_waits_with_pictures(live: Any) -> None:
    """In Colab, which shows nothing that a thread sends, the cell waits and refreshes a picture itself."""
    live(
        "import sys, types\n"
        "sys.modules['google.colab'] = types.ModuleType('google.colab')\n"
        "import nbtrain.magics.foreground as _f\n"
        "_f.PICTURE_S = 0.05"
    )
    try:
        cell = live("run = %train --yes --max-steps 600")
        planned = live("waiting = %train --epochs 1")
        (inspected,) = live("import nbtrain\nnbtrain.inspect(model)").shown
    finally:
        live("del sys.modules['google.colab']; _f.PICTURE_S = 3.0")
    updates = [one for one in cell.messages if one["msg_type"] == "update_display_data"]

    assert cell.error == []
    assert not has_widget(cell) and not has_widget(planned) and WIDGET not in inspected
    assert len(pictures(cell)) == 1 and len(updates) >= 2
    assert "Training Complete" in cell.shown[-1]["text/plain"]
    assert "start it with the same line and --yes" in planned.text


def test_wait_is_a_verb_that_an_interrupt_ends(live: Any) -> None:
    """%train wait keeps the cell until the run is over; the square button stops the run at its next step."""
    live("run = %train --yes --epochs 1000000")
    waiting = live.begin("%train wait")
    live.wait_for(lambda one: "Waiting for model-" in str(one["content"]))
    live.interrupt()
    cell = live.end(waiting)

    assert cell.error == [] and "is over: stopped at step" in cell.printed
    assert "stopped by hand" in cell.printed
    assert live("print(run.status)").printed.strip() == "stopped"


@pytest.mark.parametrize("place", ["colab", "batch"])
def test_a_second_interrupt_leaves_at_once(live: Any, place: str) -> None:
    """A step that takes for ever keeps the cell after one interrupt, not after two."""
    live(
        "import sys, threading, types\n"
        "gate = threading.Event()\n"
        "def slow(output, target):\n"
        "    if threading.current_thread() is not threading.main_thread(): gate.wait(60)\n"
        "    return nn.functional.cross_entropy(output, target)\n"
        + ("sys.modules['google.colab'] = types.ModuleType('google.colab')" if place == "colab" else "")
    )
    try:
        waiting = live.begin("%train --yes --epochs 1 --loss slow --as run", allow_stdin=place == "colab")
        live.wait_for(
            lambda one: (
                one["parent_header"].get("msg_id") == waiting
                and "Training model" in str(one["content"])
                and one["msg_type"] in ("stream", "display_data")
            )
        )
        time.sleep(0.3)
        live.interrupt()
        live.wait_for(lambda one: "Once more to leave at once" in str(one["content"].get("text")))
        live.interrupt()
        cell = live.end(waiting)
    finally:
        live("sys.modules.pop('google.colab', None); gate.set()")

    assert cell.reply["content"].get("ename") == "KeyboardInterrupt"
    assert "stopped" in live("str(run.wait().status)").text


def test_the_panels_inspector_knows_names_and_a_sample(live: Any) -> None:
    """A page that opens the second tab is told the loaders under their names, and the shapes of a batch."""
    live("mine, my_val = train_loader, val_loader\ndel train_loader, val_loader")
    cell = live("run = %train model mine --val my_val --epochs 1000000 --yes")
    (panel,) = [data[WIDGET]["model_id"] for data in cell.shown if WIDGET in data]
    live.send(panel, {"type": "inspect", "open": True, "page": "a page"})

    def told(one: dict[str, Any]) -> bool:
        content = one["content"].get("data", {}) if one["msg_type"] == "comm_msg" else {}
        return content.get("content", {}).get("type") == "loaders"

    loaders = live.wait_for(told)["content"]["data"]["content"]["items"]
    assert [loader["name"] for loader in loaders] == ["mine", "my_val"]
    assert [field["shape"] for field in loaders[0]["sample"]] == [[16, 4], [16]]
    live("run.stop(); run.wait();")
    assert "True" in live("run.plan.rehearsal.batch is None").text
