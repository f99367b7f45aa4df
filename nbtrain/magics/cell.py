"""Run the cell below one of our cell magics as IPython would have run it without the magic."""

from __future__ import annotations

import ast
import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from IPython.display import display

from nbtrain.magics.no_input import refused

TOP_LEVEL_AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


def run_cell(shell: Any, cell: str) -> None:
    """Run `cell` in the notebook's namespace: magics work, the last value is shown, an error is raised.

    `shell.run_cell` would show the error itself and leave the outer cell a success: "run all" and batch
    executions would go on past it.
    """
    __tracebackhide__ = True  # IPython leaves this frame out: the traceback begins in the person's cell
    name, tree = _parsed(shell, cell)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(shell.compile(tree, name, "exec"), shell.user_ns)
    if last is not None:
        exec(shell.compile(ast.Interactive([last]), name, "single"), shell.user_ns)


def prepared_cell(shell: Any, cell: str) -> Callable[[], None]:
    """Return a function that runs the cell in another thread; read here, so that a mistake is shown here.

    Its last value is displayed, without the `Out[n]` of a cell that has ended. A top-level `await` runs in an
    event loop of that thread's own.

    Raises:
        SyntaxError: the cell is no Python, with or without IPython's additions.
    """
    name, tree = _parsed(shell, cell)
    flags = shell.compile.flags | TOP_LEVEL_AWAIT
    shown = shell.ast_node_interactivity != "none" and not cell.rstrip().endswith(";")
    last = tree.body.pop() if shown and tree.body and isinstance(tree.body[-1], ast.Expr) else None
    body = compile(tree, name, "exec", flags, dont_inherit=True)
    value = compile(ast.Expression(last.value), name, "eval", flags, dont_inherit=True) if last else None
    names = shell.user_ns

    async def awaited() -> None:
        for code in (body, value):
            result = eval(code, names) if code is not None else None
            if inspect.iscoroutine(result) and code.co_flags & inspect.CO_COROUTINE:
                result = await result
            if code is value and result is not None:
                display(result)

    def run() -> None:
        with refused(shell):
            go()

    def go() -> None:
        if any(code is not None and code.co_flags & inspect.CO_COROUTINE for code in (body, value)):
            asyncio.run(awaited())
            return
        exec(body, names)
        if value is not None and (result := eval(value, names)) is not None:
            display(result)

    return run


def _parsed(shell: Any, cell: str) -> tuple[str, ast.Module]:
    """Name and syntax tree of a cell below a magic."""
    # The first line stands for the magic: a traceback then counts lines as the notebook shows them.
    source = "\n" + shell.transform_cell(cell)
    name = shell.compile.cache(source, shell.execution_count, raw_code=cell)
    return name, shell.transform_ast(shell.compile.ast_parse(source, filename=name))
