"""What may end a run before its last step, besides the person: early stopping, budgets, a rising loss."""

from __future__ import annotations

from nbtrain import units
from nbtrain.running.control import Control
from nbtrain.running.money import money
from nbtrain.train.callbacks.budgets import Budgets
from nbtrain.train.callbacks.early_stop import EarlyStop
from nbtrain.train.callbacks.gradient_limit import GradientLimit
from nbtrain.train.callbacks.on_nan import IN_A_ROW
from nbtrain.train.callbacks.rising_loss import RISE, RISES, RisingLoss
from nbtrain.train.events import Callback
from nbtrain.train.line import Line
from nbtrain.train.options import TrainOptions


def stops(control: Control, options: TrainOptions) -> list[Callback]:
    """Return the callbacks that end a run with these options."""
    found: list[Callback] = [EarlyStop(control, options.patience)]  # counts also without patience
    if options.stop_rise != 0:
        found.append(RisingLoss(control, options.stop_rise))
    if options.stop_grad_norm is not None:
        found.append(GradientLimit(control, options.stop_grad_norm))
    if options.max_time is not None or options.max_cost is not None:
        found.append(Budgets(control, options))
    return found


def stop_lines(options: TrainOptions, *, judged: bool = True) -> list[Line]:
    """Return the plan's lines on what may end the run early. `judged`: there is validation data."""
    lines = []
    if options.max_time is not None:
        lines.append(("Time budget", f"at most {units.seconds(options.max_time)}, pauses left out", "option"))
    if options.max_cost is not None:
        price = f"{money(options.price_per_hour or 0.0, options.currency)} an hour, pauses included"
        most = money(options.max_cost, options.currency)
        lines.append(("Cost budget", f"at most {most} at {price}", "option"))
    elif options.price_per_hour is not None:
        lines.append(("Price", f"{money(options.price_per_hour, options.currency)} an hour", "option"))
    if options.patience and judged:
        said = f"after {units.counted(options.patience, 'evaluation')} without a better validation loss"
        lines.append(("Early stopping", said, "option"))
    share = RISE if options.stop_rise is None else options.stop_rise
    what = "evaluations in a row that each rise" if judged else "epochs in a row whose training loss rises"
    rising = f"stops after {RISES} {what} by more than {units.percent(share, 0)}"
    if options.stop_rise is None and judged:
        rising += " while the training loss does not fall"
    lines.append(
        (
            "Rising loss",
            rising if share else "does not stop the run",
            "default" if options.stop_rise is None else "option",
        )
    )
    if options.stop_grad_norm is not None:
        said = f"stops above {units.number(options.stop_grad_norm)}, before clipping"
        lines.append(("Gradient norm", said, "option"))
    said = {
        "stop": "not taken; the run stops there, with the weights before it",
        "skip": f"not taken; the run goes on, up to {IN_A_ROW - 1} in a row",
        "recover": "back to the last good state, lr / 10, clipping at 1; twice at most",
    }[options.on_nan]
    lines.append(("A step that is not finite", said, "option" if "on_nan" in options.given else "default"))
    if options.on_stall != "alert":
        said = "three times the learning rate; then, once, new weights"
        lines.append(("A stall", said, "option"))
    return [Line("How long", label, value, origin) for label, value, origin in lines]
