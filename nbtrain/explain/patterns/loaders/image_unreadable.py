"""An image file cannot be read.

What it is
The file has the name of an image, and its content is none, or stops in the middle.

Why it happens
A download that broke off, a web page saved as .jpg, a hidden file of the system (`._1.jpg`), a format
that Pillow does not know.

How to fix
Open the file that is named; find the others once (`Image.open(path).verify()` in a loop) and leave them
out.

Example
```text
PIL.UnidentifiedImageError: cannot identify image file 'data/cat/001.jpg'
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "image-unreadable",
    __name__,
    kinds=("UnidentifiedImageError", "OSError", "SyntaxError"),
    texts=(
        r"cannot identify image file ([^\n]+)",
        r"image file is truncated(?: \(\d+ bytes not processed\))?",
        r"broken PNG file",
    ),
    code="from PIL import Image\nfor path in paths:\n    Image.open(path).verify()  # raises at a broken one",
)
