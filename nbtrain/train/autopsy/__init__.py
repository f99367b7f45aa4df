"""Where a number that is not finite came from: its step is replayed under hooks, and all is put back."""

from __future__ import annotations
