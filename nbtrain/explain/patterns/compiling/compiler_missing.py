"""torch.compile has no working compiler.

What it is
Inductor writes C++ for the CPU and Triton for the GPU, and needs what compiles them.

Why it happens
No g++ or MSVC, no Python headers, Triton not installed or too old (Windows), or an old GPU.

How to fix
Install a compiler (`apt install g++ python3-dev`), or Triton for your system; or run without:
`torch.compile(model, backend="eager")`, or leave compile out.

Example
```text
torch._inductor.exc.InductorError: InvalidCxxCompiler: No working C++ compiler found in torch._inductor.config.cpp.cxx: (None, 'g++')
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "compiler-missing",
    __name__,
    kinds=(),
    texts=(
        r"No working C\+\+ compiler found in torch\._inductor",
        r"Cannot find a working triton installation",
        r"fatal error: Python\.h: No such file or directory",
        r"Compiler: \w+ is not found",
        r"Found \S+ which is too old to be supported by the triton GPU compiler",
        r"(?:RuntimeError: )?Failed to find C compiler\. Please specify via CC environment variable",
    ),
    code='model = torch.compile(model, backend="eager")  # or without torch.compile',
)
