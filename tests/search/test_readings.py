"""What a search tells while several of its trials run at once."""

from __future__ import annotations

from nbtrain.search.options import SearchOptions
from nbtrain.search.readings import SearchReadings
from nbtrain.search.study import Trial


def test_each_trial_is_told_once_in_whatever_order_they_end() -> None:
    """A later trial that ends first has its line then; the earlier one has its own afterwards."""
    search = SearchReadings()
    search.options = SearchOptions(metric="val_loss")
    told: set[int] = set()
    lines = []
    for first in ("running", "completed", "completed"):
        search._kept = [Trial(0, first, {"lr": 0.1}), Trial(1, "completed", {"lr": 0.2})], {}, 2
        new = search.lines(told)
        told.update(new)
        lines.append([line.split("  ")[0] for line in new.values()])

    assert lines == [["trial 1"], ["trial 0"], []]
