"""%%train in a real kernel: the cell's own loop in the background, obedient, its variables there."""

from __future__ import annotations

import re
from typing import Any

import pytest
from shown import has_widget, picture_came, pictures

pytestmark = pytest.mark.kernel

LOOP = """%%train --log json --name mine
seen = []
for epoch in range({epochs}):
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        seen.append(loss.item())
"""
WAIT = "import nbtrain; run = nbtrain.last_run().wait(60)"


def test_a_cell_trains_in_the_background_with_its_variables_there(live: Any) -> None:
    """The cell ends at once with the panel; history and the cell's names are there while it trains."""
    cell = live(LOOP.format(epochs=10**6))
    live(
        "import nbtrain, time\nrun = nbtrain.last_run()\n"
        "while run.progress.epoch < 3 or not len(run.history): time.sleep(0.05)"
    )
    between = live("run.status.alive, len(seen) > 5, len(run.history) > 0, run.progress.total_steps")
    live("run.stop(); run.wait(30)")
    after = live("run.status, len(seen) in (run.progress.step, run.progress.step - 1), run.stop_reason")

    assert has_widget(cell) or pictures(cell)
    assert "(True, True, True, None)" in between.text
    assert "'stopped'" in after.text and "True, 'stopped by hand'" in after.text


def test_history_is_the_loop_s_own_list(live: Any) -> None:
    """Losses are those that the cell itself has seen, to the digit; it ends with its picture."""
    cell = live(LOOP.format(epochs=3))
    live(WAIT)
    same = live("list(run.history.train_loss) == seen, len(run.epochs), str(run.status), list(run.alerts)")
    live.wait_for(picture_came(cell))

    assert "(True, 3, 'completed', [])" in same.text


def test_an_exception_is_the_person_s_with_the_cell_s_lines(live: Any) -> None:
    """The run fails with the traceback of the cell, its line as the notebook counts it."""
    live("%%train --log json\nx1 = 1\nx1 / 0\nx2 = 2")
    told = live("import nbtrain; run = nbtrain.last_run().wait(30)\nprint(run.status, run.error)")

    assert "failed" in told.printed and "ZeroDivisionError" in told.printed
    assert re.search(r"Cell In\[\d+\], line 3", told.printed) and "x1 / 0" in told.printed
    assert "nbtrain/" not in told.printed


def test_the_last_value_and_prints_land_in_the_cell(live: Any) -> None:
    """What the cell prints and its last value are shown in it, also once another cell has run."""
    cell = live("%%train --log json\nimport time\ntime.sleep(0.5)\nprint('from the loop')\n6 * 7")
    live("1 + 1")
    live(WAIT)
    live.wait_for(lambda _: "from the loop" in cell.text and "42" in cell.text)


def test_await_and_magics_work_and_input_is_refused(live: Any) -> None:
    """IPython syntax works in the thread, a top-level await has a loop, input() says why it cannot."""
    cell = live(
        "%%train --log json\nimport asyncio\nawait asyncio.sleep(0.01)\n"
        "z = 5\n!echo said by the shell\nd = %pwd"
    )
    live(WAIT)
    assert "True" in live("z == 5 and str(run.status) == 'completed' and isinstance(d, str)").text
    live.wait_for(lambda _: "said by the shell" in cell.text)
    for busy in ("", "import time; time.sleep(1.5)"):
        live("%%train --log json\nimport time\ntime.sleep(0.7)\nname = input('who? ')")
        live(busy)
        told = live(WAIT + "; print(run.status, run.error)")
        assert "failed" in told.printed and "cannot ask" in told.printed
    live(  # at once, while the cell that starts it still runs
        "get_ipython().run_cell_magic('train', '--log json', 'name = input()')\nimport time; time.sleep(1)"
    )
    told = live(WAIT + "; import builtins; print(run.status, run.error, type(builtins.input).__name__)")
    assert "cannot ask" in told.printed and "_Guarded" not in told.printed


@pytest.mark.parametrize("workers", ["1", "2, persistent_workers=True"])
def test_a_loop_with_workers(live: Any, workers: str) -> None:
    """Worker processes, which close their standard input when they are forked, do their work."""
    live(
        "%%train --log json\n"
        f"workers = torch.utils.data.DataLoader(train_loader.dataset, 8, num_workers={workers})\n"
        "for xb, yb in workers:\n    optimizer.zero_grad()\n    criterion(model(xb), yb).backward()\n"
        "    optimizer.step()"
    )
    told = live(WAIT + "; str(run.status), run.error, run.progress.step == len(workers)")

    assert "('completed', None, True)" in told.text


def test_words_it_does_not_know(live: Any) -> None:
    """Logging is asked for, unknown options get the nearest, a syntax error is shown at once."""
    live('%config NBTrain.log = ""')
    asked = live("%%train\n1").printed
    live('%config NBTrain.log = "json"')
    assert "logging configured" in asked
    assert "--save-every" in live("%%train --log json --save-evry 3\n1").printed
    assert "SyntaxError" in "".join(live("%%train --log json\nfor x in\n").error)


def test_a_cell_is_not_run_beside_one_that_shares_its_variables(live: Any) -> None:
    """Run again while it lives, the cell is refused in words; stopped, it runs again."""
    live(LOOP.format(epochs=10**6))
    again = live(LOOP.format(epochs=2))
    assert "shares" in again.printed and "%train stop" in again.printed
    other = live("print(get_ipython().run_line_magic('train_review', ''))")
    assert not other.error and "is going" in other.printed and "%train diagnose" in other.printed
    live("import nbtrain; run = nbtrain.last_run(); run.stop(); run.wait(30)")
    live(LOOP.format(epochs=2))
    assert "completed" in live(WAIT + "; print(run.status)").printed


def test_a_reviewed_cell_runs_followed_and_is_remembered(live: Any) -> None:
    """%%train_review --run reviews, then runs in the background; later the model is told with that cell."""
    body = LOOP.format(epochs=2).partition("\n")[2]
    shown = live(f"%%train_review --run --log json\n{body}")
    assert not shown.error and "Risk Assessment" in str(shown.shown)
    told = live(WAIT + "; print(run.status, get_ipython().execution_count)").printed
    assert "completed" in told
    cell = int(told.split()[-1]) - 1
    again = live("optimizer = type(optimizer)(model.parameters(), lr=0.01)\n%train_review model")
    assert f"[{cell}]" in again.text and "model-already-trained" in again.text


def test_a_block_in_a_cell_stops_at_a_step_when_interrupted(live: Any) -> None:
    """The square button ends the block at a step; the lines after it run, and everything is kept."""
    cell = live.begin(
        "import nbtrain, time\nsteps = 0\n"
        "with nbtrain.watch(name='block') as run:\n"
        "    while True:\n"
        "        for xb, yb in train_loader:\n"
        "            optimizer.zero_grad(); criterion(model(xb), yb).backward(); optimizer.step()\n"
        "            steps += 1; time.sleep(0.01)\n"
        "            if steps == 8: print('under way', flush=True)\n"
        "after = True"
    )
    live.wait_for(lambda message: "under way" in str(message["content"].get("text", "")))
    live.interrupt()
    done = live.end(cell)
    told = live("after, str(run.status), len(run.history) in (steps, steps + 1)")

    assert not done.error and "(True, 'stopped', True)" in told.text
    live.wait_for(picture_came(done))


def test_unloading_takes_the_hooks_off_and_the_loop_goes_on(live: Any) -> None:
    """%unload_ext: torch is as it was, the loop trains on unseen, stoppable; loaded again, it follows."""
    live("ends, turns = False, 0")
    live(
        "%%train --log json\nwhile not ends:\n    optimizer.zero_grad()\n"
        "    criterion(model(x), y).backward()\n    optimizer.step()\n    turns += 1"
    )
    live("import nbtrain, time; run = nbtrain.last_run()\nwhile run.progress.step < 3: time.sleep(0.05)")
    live("%unload_ext nbtrain")
    off = live(
        "from nbtrain.watch import seams\nn, seen = turns, run.progress.step\n"
        "while turns < n + 5: time.sleep(0.05)\nseams.is_open(), run.progress.step <= seen + 1"
    )
    assert "(False, True)" in off.text
    stopped = live("run.stop(); run.wait(30); print(run.status, seams.is_open(), ends)")
    assert "stopped False False" in stopped.printed
    live("%load_ext nbtrain\n%config NBTrain.log = 'json'")
    live(LOOP.format(epochs=2))
    assert "completed" in live(WAIT + "; print(run.status)").printed
