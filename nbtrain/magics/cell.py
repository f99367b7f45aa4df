"""Run the cell below one of our cell magics as IPython would have run it without the magic."""

from __future__ import annotations

import ast
from typing import Any


def run_cell(shell: Any, cell: str) -> None:
    """Run `cell` in the notebook's namespace: magics work, the last value is shown, an error is raised.

    `shell.run_cell` would show the error itself and leave the outer cell a success: "run all" and batch
    executions would go on past it.
    """
    __tracebackhide__ = True  # IPython leaves this frame out: the traceback begins in the person's cell
    # The first line stands for the magic: a traceback then counts lines as the notebook shows them.
    source = "\n" + shell.transform_cell(cell)
    name = shell.compile.cache(source, shell.execution_count, raw_code=cell)
    tree = shell.transform_ast(shell.compile.ast_parse(source, filename=name))
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(shell.compile(tree, name, "exec"), shell.user_ns)
    if last is not None:
        exec(shell.compile(ast.Interactive([last]), name, "single"), shell.user_ns)
