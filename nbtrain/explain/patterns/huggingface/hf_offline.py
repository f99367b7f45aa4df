"""Hugging Face cannot be reached, and the files are not in the cache.

What it is
A model, a tokenizer or a data set is to be loaded by its name, without a connection and without a copy
here.

Why it happens
No internet in this kernel, a proxy, or HF_HUB_OFFLINE=1 set; or the name is not one of the Hub.

How to fix
Load it once where there is a connection and copy the folder of the cache (`~/.cache/huggingface`), or
`save_pretrained(folder)` there and pass that folder here. Unset HF_HUB_OFFLINE where there is a
connection.

Example
```text
OSError: We couldn't connect to 'https://huggingface.co' to load the files, and couldn't find them in the cached files.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "hf-offline",
    __name__,
    kinds=("OSError", "LocalEntryNotFoundError", "OfflineModeIsEnabled", "ConnectionError", "ValueError"),
    texts=(
        r"We couldn't connect to '?https://huggingface\.co'? to load",
        r"outgoing traffic has been disabled[^\n]*|offline mode is enabled",
        r"Cannot find the requested files in the (?:disk|local) cache and outgoing traffic has been disabled",
        r"Couldn't reach '([^']+)' on the Hub",
    ),
    code="model = AutoModel.from_pretrained(folder)  # a folder with config.json and the weights",
)
