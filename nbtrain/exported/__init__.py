"""Models in files that run without their Python: what goes in, what comes out, and what runs each format.

feed.py      batches of a loader -> a model's inputs
outputs.py   what a model returns -> named tensors
judging.py   predicted classes, hits
formats.py   which format a file is
runners/     one for each format, and one for a model as it is
"""
