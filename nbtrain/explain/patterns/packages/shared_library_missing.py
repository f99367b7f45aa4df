"""A library of the system or of CUDA is not found.

What it is
A compiled package was made against a library file that is not where the system looks.

Why it happens
The package was built for another version of CUDA than the one that is installed; or the file lies
outside of LD_LIBRARY_PATH.

How to fix
Install torch with the CUDA libraries it brings along (pytorch.org gives the line), and take
LD_LIBRARY_PATH away; for a library of the system install its package (`apt install libgl1` for libGL).

Example
```text
ImportError: libcudnn.so.9: cannot open shared object file: No such file or directory
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "shared-library-missing",
    __name__,
    kinds=("ImportError", "OSError", "RuntimeError"),
    texts=(r"(lib(?:cu\w*|nccl|nvrtc|nvToolsExt|torch\w*|c10\w*|GL|mkl\w*|gomp\w*|sndfile)[\w.-]*\.so[\w.]*): cannot open shared object file",),
    what="`{1}` is not found.",
    code="%pip install --force-reinstall torch",
)
