"""Waiting for a run inside its cell:
batch executions, `--wait`, and Colab, where nothing else would be shown.
"""

from __future__ import annotations

import time
from typing import Any

from IPython.display import display

from nbtrain.magics.display import picture, show_still

POLL_S = 0.1
PICTURE_S = 3.0  # a picture costs about 0.2 s of the kernel's time: one in three seconds


def wait_with_lines(run: Any) -> None:
    """Block until the run is over, printing a line per epoch; then leave picture and report.

    An interrupt stops the run at its next step boundary and goes on waiting; a second one raises.
    """
    from nbtrain.train.keeper import epoch_line

    print(f"Training {run.id}; the cell waits until it is over.")
    said, interrupted = 0, False
    while True:
        over = run.status.over
        rows = run.epochs.to_dict("records")
        for row in rows[said:]:
            print(epoch_line({name: value for name, value in row.items() if value == value}))
        said = len(rows)
        if over:
            break
        try:
            time.sleep(POLL_S)
        except KeyboardInterrupt:
            if interrupted:
                raise
            interrupted = True
            print("Interrupted: stopping at the next step. Once more to leave at once.")
            run.stop()
    run.wait()
    if run.error:
        print(f"Run {run.id} failed: {run.stop_reason}")
    show_still(run)


def wait_with_pictures(run: Any) -> None:
    """Block until the run is over, with its picture refreshed from the main thread;
    then leave picture and report.
    """
    handle = display({"text/plain": f"Training {run.id} …"}, raw=True, display_id=True)
    drawn = time.monotonic()
    try:
        while not run.status.over:
            time.sleep(POLL_S)
            if time.monotonic() - drawn > PICTURE_S and run.progress.step:
                handle.update(picture(run), raw=True)
                drawn = time.monotonic()
    except KeyboardInterrupt:
        run.stop()
    run.wait()
    handle.update(picture(run), raw=True)
    display(run.report(curves=False)._repr_mimebundle_(), raw=True)
