"""The run panel: what it sends, how much, and that nothing in it reaches the training."""

from __future__ import annotations

import gc
import json
import logging
import threading
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from made_run import MadeRun, made_objects
from page_curve import PageCurve
from recording import from_page

from nbtrain.commands.explain import page_of_alert
from nbtrain.errors import UsageError
from nbtrain.findings import Finding, Severity
from nbtrain.runs.status import RunStatus
from nbtrain.telemetry.layers import LayerSample
from nbtrain.widgets.panel import RunPanel

LIMIT = 8 * 1024


def page_after(panel: Any, *, lose: int = 0) -> tuple[PageCurve, bool]:
    """A page that got all curve messages but every `lose`-th; and whether it saw a gap."""
    page, whole = PageCurve(5), True
    messages = [m for m in panel.comm.customs("curve") if m[0]["id"] == "steps"]
    for index, (content, buffers) in enumerate(messages):
        if not lose or index % lose:
            whole = page.apply(content["header"], buffers[0]) and whole
    return page, whole


def assert_shows(page: PageCurve, run: MadeRun) -> None:
    view = run.curves.view()
    np.testing.assert_array_equal(page.steps, view.steps)
    np.testing.assert_array_equal([stats[0, 0] for stats in page.stats], view.mean["train_loss"])
    assert page.rows == view.rows


def test_a_page_that_was_there_holds_what_the_kernel_holds() -> None:
    """The blocks of many updates, applied in order, are the run's curve bit for bit."""
    run = MadeRun(total_steps=100_000)
    panel = RunPanel(run)
    for count in (1, 7, 300, 511, 1, 2000, 30_000, 64):
        run.grow(count)
        panel.update(run)
    run.end(RunStatus.COMPLETED)
    panel.update(run)
    page, whole = page_after(panel)

    assert whole
    assert_shows(page, run)


def test_a_gap_is_repaired_by_asking() -> None:
    """A page that lost messages asks with what it has and then holds everything."""
    run = MadeRun(total_steps=100_000)
    panel = RunPanel(run)
    for _ in range(40):
        run.grow(20)
        panel.update(run)
    page, whole = page_after(panel, lose=3)
    panel.comm.said.clear()
    have = {"steps": {"level": page.level, "full": page.full}, "evals": {"level": 0, "full": 0}}
    from_page(panel, {"type": "hello", "have": have})
    for content, buffers in panel.comm.customs("curve"):
        if content["id"] == "steps":
            assert page.apply(content["header"], buffers[0])

    assert not whole
    assert_shows(page, run)


def test_a_page_opened_late_gets_everything() -> None:
    """`hello` of an empty page brings the whole curve, also of a run that is over."""
    run = MadeRun(total_steps=50_000)
    run.grow(50_000)
    run.end(RunStatus.COMPLETED)
    panel = RunPanel(run)
    from_page(panel, {"type": "hello", "have": {}})
    page, whole = page_after(panel)

    assert whole
    assert_shows(page, run)


def test_an_update_stays_small_at_a_million_steps() -> None:
    """Every message is below 8 KB, and an update at a million steps is no larger than one at a thousand."""
    run = MadeRun(total_steps=1_100_000, epoch_steps=10_000)
    panel = RunPanel(run)
    sizes = {}
    for start in (1_000, 1_000_000):
        run.grow(start - run.step)
        for _ in range(20):  # catch up
            panel.update(run)
        panel.comm.said.clear()
        run.grow(250)
        panel.update(run)
        each = [len(json.dumps(data)) + sum(map(len, buffers)) for _, data, buffers in panel.comm.said]
        assert max(each) < LIMIT
        sizes[start] = sum(each)

    assert sizes[1_000_000] <= sizes[1_000]


def test_a_quiet_run_sends_nothing() -> None:
    """An update of a paused run on which nothing changed sends no message."""
    run = MadeRun()
    run.grow(500)
    run.pause()
    panel = RunPanel(run)
    for _ in range(10):
        panel.update(run)
    panel.comm.said.clear()
    panel.update(run)

    assert panel.comm.said == []


def test_state_is_json_and_tells_nan() -> None:
    """NaN and infinities travel as words, so that a browser can read the message and the tile can say NaN."""
    run = MadeRun()
    run.grow(10)
    run.latest.update(train_loss=float("nan"), grad_norm=float("inf"))
    panel = RunPanel(run)
    text = json.dumps(panel.state, allow_nan=False)

    assert panel.state["latest"]["train_loss"] == "NaN"
    assert panel.state["latest"]["grad_norm"] == "Infinity"
    assert len(text) < 2000


@pytest.mark.parametrize("action", ["pause", "resume", "stop-step", "stop-epoch", "save"])
def test_a_click_reaches_the_run_and_is_answered(action: str) -> None:
    """Each button calls its control once and says that it was heard, from whatever thread."""
    run = MadeRun()
    panel = RunPanel(run)
    handler = threading.Thread(target=from_page, args=(panel, {"type": "control", "action": action}))
    handler.start()
    handler.join()

    assert run.asked == [action]
    assert panel.comm.customs("answer") == [({"type": "answer", "action": action}, [])]


def test_a_refused_click_is_answered_with_the_reason() -> None:
    """What a control raises is said in the panel and goes no further."""
    run = MadeRun()
    panel = RunPanel(run)

    def refuse() -> None:
        raise UsageError("This run is over.")

    run.pause = refuse
    from_page(panel, {"type": "control", "action": "pause"})
    from_page(panel, {"type": "control", "action": "explode"})
    answers = [content["refused"] for content, _ in panel.comm.customs("answer")]

    assert answers == ["This run is over.", "Unknown action 'explode'."]


def test_a_failing_view_is_logged_once_and_never_raises(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever breaks while sending stays in the panel; the log says it once, with the traceback."""

    class Broken(MadeRun):
        latest = property(lambda self: 1 / 0, lambda self, value: None)

    run = MadeRun()
    panel = RunPanel(run)
    with caplog.at_level(logging.WARNING, logger="nbtrain.widgets"):
        for _ in range(5):
            panel.update(Broken())

    assert len(caplog.records) == 1
    assert "ZeroDivisionError" in caplog.text


def test_clicks_are_not_tied_to_the_main_shell() -> None:
    """The comm's own routing, which ipykernel 7.4 added, is off: a click while a cell runs is handled."""
    assert RunPanel(MadeRun()).comm._reply_subshell_for is None


def test_alerts_are_limited_and_counted() -> None:
    """The newest fifty alerts are sent, with how many there are in all."""
    run = MadeRun()
    run.grow(10)
    for number in range(70):
        run.warn(Severity.INFO, f"alert {number} " + "x" * 500)
    run.end(RunStatus.COMPLETED)
    panel = RunPanel(run)

    assert panel.alerts["total"] == 70
    assert len(panel.alerts["items"]) == 50
    assert panel.alerts["items"][-1]["issue"].startswith("alert 69 ")
    assert max(len(item["issue"]) for item in panel.alerts["items"]) <= 220


def test_a_panel_does_not_keep_its_run() -> None:
    """The widget library keeps every widget; the run and its model can go all the same."""
    run = MadeRun()
    panel = RunPanel(run)
    gone = weakref.ref(run)
    del run
    gc.collect()
    from_page(panel, {"type": "control", "action": "pause"})

    assert gone() is None
    assert "no longer in memory" in panel.comm.customs("answer")[0][0]["refused"]


def test_the_inspector_tab_shows_objects_and_live_layers() -> None:
    """Opening the tab brings the objects; updates then carry gradient norms by row."""
    run = MadeRun()
    run.grow(10)
    run.objects = made_objects(blocks=1)
    run.layers = {"0.weight": (3.0, 1e-3), "0.bias": (4.0, 2e-3)}
    panel = RunPanel(run)
    panel._watch._fresh = True
    panel._watch.look()
    panel._watch.open("page")
    panel.update(run)
    panel.close_watch()

    assert panel.comm.customs("optimizers")[0][0]["items"][0]["name"] == "optimizer"
    assert len(panel.comm.customs("loaders")[0][0]["items"]) == 2
    described = json.loads(panel.comm.customs("model")[0][1][0])
    rows, norms, ratios = panel.comm.customs("layers")[0][1]
    assert described["names"][np.frombuffer(rows, "<u4")[0]] == "0"
    assert np.frombuffer(norms, "<f4").tolist() == [5.0]
    assert np.frombuffer(ratios, "<f4").tolist() == [np.float32(2e-3)]


@pytest.mark.parametrize(("every", "steps", "unit"), [("epoch", 7, "epochs"), ("step", 200, "steps")])
def test_a_schedule_is_shown_to_the_end_of_the_run(every: str, steps: int, unit: str) -> None:
    """In epoch 4 of 10 a schedule stepped by the epoch has 7 left; one stepped by the step is cut at 200."""
    run = MadeRun(total_steps=4000, epoch_steps=400)
    run.grow(1300)
    run.objects = made_objects(blocks=1)
    run.plan = SimpleNamespace(config={"scheduler": {"every": every}})
    panel = RunPanel(run)
    panel._watch.look()

    shown = panel.comm.customs("schedulers")[0][0]["items"][0]
    assert (len(shown["lrs"]), shown["unit"]) == (steps, unit)


def test_the_log_is_read_on_while_its_tab_is_open(tmp_path: Path) -> None:
    """The tab opens on the end of the log and gets what is written afterwards, whole lines only."""
    (tmp_path / "logs").mkdir()
    file = tmp_path / "logs" / "training.log"
    file.write_text("one\ntwo\n")
    run = MadeRun(folder=tmp_path)
    panel = RunPanel(run)
    from_page(panel, {"type": "log", "open": True, "end": 0})
    with file.open("a") as log:
        log.write("three\nfo")
    panel.update(run)
    from_page(panel, {"type": "log", "open": False})
    panel.update(run)

    assert [content["text"] for content, _ in panel.comm.customs("log")] == ["one\ntwo\n", "three\n"]


def test_the_log_is_whole_when_the_run_is_over(tmp_path: Path) -> None:
    """The last update sends everything that is left of the log, and takes away the bar that was printed."""
    (tmp_path / "logs").mkdir()
    run = MadeRun(folder=tmp_path)
    panel = RunPanel(run)
    from_page(panel, {"type": "log", "open": True, "end": 0})
    run.printing = "bar: 50%"
    panel.update(run)
    panel.update(run)
    text = "".join(f"line {i}\n" for i in range(3000))
    (tmp_path / "logs" / "training.log").write_text(text)
    run.printing = ""
    run.end(RunStatus.COMPLETED)
    panel.update(run)

    assert "".join(content["text"] for content, _ in panel.comm.customs("log")) == text
    from_page(panel, {"type": "log", "open": False})
    from_page(panel, {"type": "log", "open": True, "end": len(text)})
    assert [content["text"] for content, _ in panel.comm.customs("printing")] == ["", "bar: 50%", "", ""]


def test_what_stands_in_for_the_panel_is_escaped_and_complete() -> None:
    """Beside the live view the display carries a table and a line; a hostile name stays text."""
    run = MadeRun()
    run.name = "<script>alert(1)</script>"
    run.grow(400)
    panel = RunPanel(run)
    data, _ = panel.mimebundle()

    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == panel.model_id
    assert "<script>alert" not in data["text/html"]
    assert "400 of 4,000" in data["text/html"]
    assert "Where it stood at 20" in data["text/html"] and "do not follow the run" in data["text/html"]
    assert "step 400/4,000" in data["text/plain"]


def test_the_edit_row_reaches_the_run_and_is_answered() -> None:
    """What was typed goes to the run as it is; the answer says what will be."""
    run = MadeRun()
    panel = RunPanel(run)
    from_page(panel, {"type": "edit", "values": {"lr": "*0.5", "epochs": "30"}})

    assert run.asked == ["change {'lr': '*0.5', 'epochs': '30'}"]
    assert panel.comm.customs("answer") == [
        ({"type": "answer", "action": "edit", "said": "lr *0.5, epochs 30"}, [])
    ]


@pytest.mark.parametrize("message", [{"type": "edit"}, {"type": "edit", "values": {"lr": "fast"}}])
def test_nonsense_in_the_edit_row_is_answered_in_words(message: dict[str, Any]) -> None:
    """The text of the refusal is the run's own; nothing is raised into the widget library."""
    run = MadeRun()

    def refuse(wishes: dict[str, Any]) -> None:
        raise UsageError(f"not {wishes}")

    run.change = refuse
    panel = RunPanel(run)
    from_page(panel, message)

    (answer,) = panel.comm.customs("answer")
    assert answer[0]["refused"].startswith("not {")


def test_changes_come_with_their_labels_and_stay_few() -> None:
    """Each change made while the run trains is told once, the newest thirty with how many there are."""
    run = MadeRun()
    run.grow(10)
    panel = RunPanel(run)
    run.change({"lr": 0.5})
    panel.update(run)
    assert panel.events["total"] == 1
    assert panel.events["items"][0]["label"].endswith("→ 0.5")

    for step in range(500):
        run.grow(1)
        run.change({"lr": 0.1 / (step + 1)})
        panel.update(run)
    run.end(RunStatus.COMPLETED)
    panel.update(run)
    sent = [state for state in panel.comm.states() if "events" in state]

    assert panel.events["total"] == 501
    assert [item["step"] for item in panel.events["items"]] == list(range(481, 511))
    assert len(sent) <= 3
    assert max(len(json.dumps(state)) for state in sent) < LIMIT / 2


def test_a_page_is_told_what_can_be_edited() -> None:
    """The state carries the settings as they stand, so that the fields are right when the row opens."""
    run = MadeRun(total_steps=4000, epoch_steps=400)
    assert RunPanel(run).state["settings"] == {"epochs": 10, "patience": None}


def sampled(run: MadeRun, step: int, layers: int = 30) -> None:
    values = {f"blocks.{i}.linear.weight": 10.0 ** -(i % 7) for i in range(layers)}
    run.layer_history.add(LayerSample(step, values, values))


def heat_of(panel: RunPanel) -> tuple[list[str], int, int]:
    """The names, the columns and the samples that the pages were told of."""
    names = [name for content, _ in panel.comm.customs("heat-names") for name in content["names"]]
    headers = [content["header"] for content, _ in panel.comm.customs("heat")]
    return names, sum(header["count"] for header in headers), max((h["samples"] for h in headers), default=0)


def test_the_layers_history_is_sent_to_a_page_that_looks() -> None:
    """Nothing before a page opens the inspector; then all of it, then what is new; an ended run too."""
    run = MadeRun()
    run.objects = made_objects()
    for step in range(20):
        sampled(run, step)
    panel = RunPanel(run)
    panel.update(run)
    assert heat_of(panel) == ([], 0, 0)

    have = {"level": 0, "full": 0}
    from_page(panel, {"type": "inspect", "page": "a", "open": True, "heat": have})
    names, columns, samples = heat_of(panel)
    assert (len(names), columns, samples) == (30, 20, 20)
    assert names[0] == "blocks.0.linear"
    panel.comm.said.clear()
    sampled(run, 20)
    panel._layers_due = 0.0
    panel.update(run)
    assert heat_of(panel) == ([], 1, 21)

    run.end(RunStatus.COMPLETED)
    panel.comm.said.clear()
    from_page(panel, {"type": "inspect", "page": "b", "open": True, "heat": have})
    assert heat_of(panel)[1:] == (21, 21)
    panel.close_watch()


def test_the_layers_history_is_small_at_any_length() -> None:
    """With 500 layers and thousands of samples each message is below the limit, an append is a column."""
    run = MadeRun()
    run.objects = made_objects()
    panel = RunPanel(run)
    panel.comm.said.clear()
    for step in range(3000):
        sampled(run, step, layers=500)
    from_page(panel, {"type": "inspect", "page": "a", "open": True, "heat": {}})
    sizes = [len(json.dumps(data)) + sum(map(len, buffers)) for _, data, buffers in panel.comm.said]
    panel.comm.said.clear()
    sampled(run, 3000, layers=500)
    panel._layers_due = 0.0
    panel.update(run)
    names, columns, _ = heat_of(panel)
    panel.close_watch()

    assert max(sizes) < LIMIT
    assert (names, columns) == ([], 1)


def test_what_watching_costs_is_told_once_it_is_measured() -> None:
    """No number before; then the measured one."""
    run = MadeRun()
    panel = RunPanel(run)
    assert panel.state["overhead"] is None
    run.overhead = 0.00612
    panel.update(run)
    assert panel.state["overhead"] == 0.00612


def test_an_alert_opens_its_page() -> None:
    """An alert with a page says so; asked for, the page comes as HTML; one without a page offers none."""
    run = MadeRun(total_steps=1000)
    run.alerts.append(Finding("nan-loss", Severity.CRITICAL, "The loss is NaN.", step=3))
    run.alerts.append(Finding("of-a-plugin", Severity.INFO, "Something.", step=4))
    panel = RunPanel(run, explain=page_of_alert)
    from_page(panel, {"type": "page", "rule": "nan-loss"})
    from_page(panel, {"type": "page", "rule": "of-a-plugin"})
    (known, _), (unknown, _) = panel.comm.customs("page")

    assert [item["page"] for item in panel.alerts["items"]] == [True, False]
    assert known["rule"] == "nan-loss" and "What not to do" in known["html"]
    assert unknown["html"] == ""
