"""Something cannot be pickled: sent to another process, or saved.

What it is
A pickle knows only names of importable things. Workers that are started by spawn or forkserver
(Windows, macOS, newer Python) get the data set as a pickle; `torch.save` of a whole object writes one.

Why it happens
A lambda, a class defined inside a function, a data set defined in the notebook, or an open file, a lock
or a generator kept in an object.

How to fix
Put the class into a .py file and import it; use a named function (or functools.partial) in place of the
lambda; or `num_workers=0`.

Example
```text
AttributeError: Can't pickle local object 'main.<locals>.<lambda>'
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    loaders = {name: one.num_workers for name, one in sight.of_type("DataLoader").items() if one.num_workers}
    if len(loaders) != 1:
        return None
    name, workers = next(iter(loaders.items()))
    what = f"`{found[1]}` cannot be sent to the {workers} worker(s) of `{name}`."
    return Said(
        what, code=f"{name} = DataLoader({name}.dataset, batch_size={name}.batch_size, num_workers=0)"
    )


PATTERN = Pattern(
    "cannot-pickle",
    __name__,
    kinds=("AttributeError", "PicklingError", "TypeError"),
    texts=(
        r"Can't (?:pickle|get) local object '?([^'\n]+)'?",
        r"Can't pickle <?(?:function |class )?'?((?:[^>' ]|<locals>|<lambda>)+)'?(?: object)?(?: at 0x\w+)?>?: (?:attribute lookup|it's not|import of module)",
        r"cannot pickle '([\w.]+)' object",
    ),
    texts_inside=(r"Can't get attribute '([\w.]+)' on <module '[\w.]+'",),
    what="`{1}` cannot be pickled.",
    code="DataLoader(dataset, num_workers=0)  # or the class in a .py file",
    inside=r"multiprocessing/",
    outside=r"torch/serialization.py",
    tell=tell,
)
