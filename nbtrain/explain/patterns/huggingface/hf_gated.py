"""This model may only be downloaded by those who accepted its terms.

What it is
The repository is gated, and the token (or none) has no access.

Why it happens
The terms were not accepted on the model's page, or no token is set here.

How to fix
Accept the terms on the page named, then log in here.

Example
```text
OSError: You are trying to access a gated repo.
Make sure to have access to it at https://huggingface.co/meta-llama/Llama-3.1-8B.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "hf-gated",
    __name__,
    kinds=("OSError", "GatedRepoError", "HfHubHTTPError"),
    texts=(
        r"You are trying to access a gated repo",
        r"Cannot access gated repo for url",
    ),
    code="from huggingface_hub import notebook_login\nnotebook_login()",
)
