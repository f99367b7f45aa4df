"""explain: rules and alerts by any of their names, and the nearest one where there is none."""

from __future__ import annotations

from typing import Any

import pytest

from nbtrain.commands._table import command
from nbtrain.commands.parse import parse
from nbtrain.commands.spec import Context
from nbtrain.errors import UsageError


def explain(*words: str) -> Any:
    return command("explain").run(parse(command("explain"), list(words)), Context(namespace={}))


def test_an_alert_has_its_page_and_a_rule_its_own_words() -> None:
    """Ids of alerts show their page, ids of rules the rule, by the names a run or a review shows."""
    assert "Initialise again" in explain("convergence-stall").to_markdown()
    assert explain("loader-bound").data["page"] == "resource-inefficiency"
    assert explain("adam-lr-too-high").data["rule"] == "adam-lr-too-high"


def test_an_unknown_id_names_the_nearest() -> None:
    """A slip of the pen is answered with the id that was meant, whether a rule's or an alert's."""
    with pytest.raises(UsageError, match="Did you mean `convergence-stall`"):
        explain("convergance-stall")
    with pytest.raises(UsageError, match="adam-lr-too-high"):
        explain("adam-lr-to-high")
    with pytest.raises(UsageError, match="explain nan-loss"):
        explain()
