"""How fast models answer, side by side: latency, throughput, accuracy, memory.

timing.py   calls in turn, each timed with its device synchronised
bench.py    every side at every batch size, and what each gets right
report.py   tables, histogram, the verdict on the limit
"""
