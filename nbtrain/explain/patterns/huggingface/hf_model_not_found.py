"""There is no such model or file on the hub, or the hub cannot be reached.

What it is
Neither a folder nor a repository by that name was found.

Why it happens
A misspelt name, a private repository without a token, no network, or a local folder that lacks files.

How to fix
Compare the name on huggingface.co; log in for private ones; for a folder pass its full path, with
config.json in it.

Example
```text
OSError: bert-base is not a local folder and is not a valid model identifier listed on 'https://huggingface.co/models'
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "hf-model-not-found",
    __name__,
    kinds=("OSError", "EnvironmentError", "RepositoryNotFoundError", "LocalEntryNotFoundError", "ValueError"),
    texts=(
        r"(\S+) is not a local folder and is not a valid model identifier",
        r"(\S+) does not appear to have a file named ([\w.]+)",
        r"Can't load (?:the )?(?:tokenizer|model|configuration|feature extractor) (?:of|for) '([^']+)'",
        r"Repository Not Found for url",
    ),
)
