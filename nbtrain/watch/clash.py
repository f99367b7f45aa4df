"""Two cells that would disturb each other: the one that runs uses names that the other sets.

Cells of a notebook share their variables. A loop that goes on in the background reads `model` and `loss` in
each step, and would go on with whatever another cell has put there.
"""

from __future__ import annotations

import symtable
from collections.abc import Iterator

from nbtrain.errors import UsageError
from nbtrain.notebook.ipython_syntax import to_python
from nbtrain.running import active

MOST_NAMED = 4


def refuse_clash(source: str) -> None:
    """Refuse a cell that sets what a living cell uses, or uses what it sets.

    Raises:
        UsageError: it would; names run and variables.
    """
    sets, uses = names_of(source)
    for run in active.alive():
        other = getattr(run.activity, "source", "")
        if not other:
            continue
        their_sets, their_uses = names_of(other)
        shared = sorted((sets & their_uses) | (uses & their_sets))
        if shared:
            named = ", ".join(f"`{name}`" for name in shared[:MOST_NAMED])
            more = f" and {len(shared) - MOST_NAMED} more" if len(shared) > MOST_NAMED else ""
            raise UsageError(
                f"Run `{run.id}` is running a cell that shares {named}{more} with this one; the two would "
                "write over each other's variables.",
                suggestion=f"Wait for it, stop it (%train stop {run.id}), or put this loop into a function.",
            )


def names_of(source: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the variables of the notebook that a cell sets, and those it reads; none where it is no Python.

    Not counted are functions and classes it defines and modules it imports: they are the same again.
    """
    try:
        cell = symtable.symtable(to_python(source).text, "cell", "exec")
    except (SyntaxError, ValueError):
        return frozenset(), frozenset()
    sets, reads = set(), set()
    for table in _tables(cell):
        for symbol in table.get_symbols():
            if table is cell or symbol.is_global():
                if symbol.is_assigned() and not (symbol.is_imported() or symbol.is_namespace()):
                    sets.add(symbol.get_name())
                if symbol.is_referenced():
                    reads.add(symbol.get_name())
    return frozenset(sets), frozenset(reads)


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for inner in table.get_children():
        yield from _tables(inner)
