"""A folder of images has no classes, or a class no images.

What it is
ImageFolder takes each subfolder for a class, and the image files in it for its samples.

Why it happens
A path one level too deep or too high, an archive that was not unpacked, or files with other endings.

How to fix
List the path (`!ls path`): it has to be path/class/image.jpg.

Example
```text
FileNotFoundError: Couldn't find any class folder in data/train.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "image-folder-empty",
    __name__,
    kinds=("FileNotFoundError", "RuntimeError"),
    texts=(
        r"Couldn't find any class folder in ([^\n]+?)\.?$",
        r"Found no valid file for the classes ([^\n.]+)",
        r"Found 0 files in subfolders of: ([^\n]+)",
    ),
    what="It was looked for in, or for: {1}.",
    code="!ls data/train  # a folder for each class",
)
