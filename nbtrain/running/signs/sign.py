"""What a sign is: something looked for in the numbers of a run, by the pump."""

from __future__ import annotations

from typing import Any

from nbtrain.findings import Finding


class Sign:
    """Look for one thing; keeps what it needs of what came before."""

    def look(self, news: Any, state: Any) -> list[Finding]:
        """Return what is new to say.

        Args:
            news: what this beat brought (`nbtrain.running.record.News`).
            state: where the run stands (`nbtrain.running.state.State`); another thread writes it.
        """
        raise NotImplementedError

    def recall(self, news: Any) -> None:
        """Take in what a run had brought before it was resumed, and say nothing."""
