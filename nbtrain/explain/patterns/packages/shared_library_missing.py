"""A library of the system or of CUDA is not found.

What it is
A compiled package was made against a library file that is not where the system looks.

Why it happens
The package was built for another version of CUDA than the one that is installed; or the file lies
outside of LD_LIBRARY_PATH.

How to fix
Install torch with the CUDA libraries it brings along (pytorch.org gives the line), and take
LD_LIBRARY_PATH away; for a library of the system install its package (on Debian and Ubuntu
`apt-get install libgl1` for libGL).

Example
```text
ImportError: libcudnn.so.9: cannot open shared object file: No such file or directory
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

# Libraries that Debian and Ubuntu have packages of; OpenCV wants the first six.
_OF_SYSTEM = (
    ("GL", "libgl1"), ("GLU", "libglu1-mesa"), ("gthread", "libglib2.0-0"), ("SM", "libsm6"), ("Xext", "libxext6"),
    ("Xrender", "libxrender1"), ("gomp", "libgomp1"), ("sndfile", "libsndfile1"),
)  # fmt: skip

PATTERN = Pattern(
    "shared-library-missing",
    __name__,
    kinds=("ImportError", "OSError", "RuntimeError"),
    texts=(
        r"(lib(?:cu\w*|nccl|nvrtc|nvToolsExt|torch\w*|c10\w*|GL|gthread|SM|Xext|Xrender|mkl\w*|gomp\w*|sndfile)[\w.-]*\.so[\w.]*): cannot open shared object file",
    ),
    what="`{1}` is not found.",
    codes=(
        (
            r"^libcuda\.so",
            "!nvidia-smi  # {1} comes with the driver of the GPU: without a GPU, install torch for CPUs",
        ),
        *((rf"^lib{name}[\d.-]*\.so", f"!apt-get install -y {package}") for name, package in _OF_SYSTEM),
    ),
    code="%pip install --force-reinstall torch",
)
