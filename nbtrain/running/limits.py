"""Limits that alerts and diagnosis share, with their sources: one number, one place. It imports nothing.

The signs that raise alerts while a run trains say how each is read then; the checks of
`nbtrain.diagnose` say how it is read afterwards.
"""

from __future__ import annotations

# A busy GPU: rule of thumb of this project. SageMaker Debugger warns at a 95th percentile below 70 %.
UTILISATION = 60.0  # percent
UTILISATION_EPOCHS = 10

# Waiting for data: over half of the step is SageMaker Debugger's and trainproof's limit.
WAIT_SHARE = 0.5  # of the time spent in steps
WORTH_WAITING_S = 30.0  # of waiting in all: then it is worth a word

# A convergence stall: rule of thumb of this project.
STALL_EPOCHS = 15
HIGH_LOSS = 2.0  # about ln 8: a cross-entropy above it has hardly learned to tell ten classes

# Gradients that explode: a norm alone says nothing (sums over a batch have norms in their thousands).
EXPLODED_NORM = 100.0  # the total norm before clipping
EXPLODED_GROWTH = 10.0  # over the median at the start (trainproof's spike rule, sustained)

# A learning rate that is used up.
LR_LEFT = 0.2  # of the run: a schedule that ends low at the end is as it should be
