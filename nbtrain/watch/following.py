"""Which loop the code of a thread belongs to: torch's calls are given to that follower, and to no other.

A context variable rather than a thread's number: `asyncio.to_thread` and tasks of the loop belong to it too,
cells that run meanwhile do not. A forked worker of a DataLoader follows nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_follower: ContextVar[Any] = ContextVar("nbtrain_follower", default=None)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _follower.set(None))


# Return the follower of this context, None where nothing is followed. It is asked for several times a step,
# hence no function of ours; whether one still listens is asked of itself (`deaf`).
listener: Callable[[], Any] = _follower.get


def current() -> Any:
    """Return the follower of this context, None where nothing is followed, or no longer."""
    follower = _follower.get()
    return None if follower is None or follower.deaf else follower


@contextmanager
def followed_by(follower: Any) -> Iterator[None]:
    """Give what torch is called for in the block, in this context, to `follower`."""
    before = _follower.get()
    _follower.set(follower)
    try:
        yield
    finally:
        _follower.set(before)  # not reset(token): a block may be left in another context than it was entered
