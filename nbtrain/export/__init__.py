"""A model into a file that runs without its Python, verified before the file gets its name.

exporting.py     write beside -> load -> verify -> rename
shapes.py        which sizes may differ from call to call
writers/         one for each format
quantizing.py    ONNX in int8 and fp16
halving.py       torch's own formats in fp16
failures.py      what could not be exported: operator, module, way out
verification.py  outputs against PyTorch's, and what is allowed
report.py        all of it as a report
"""
