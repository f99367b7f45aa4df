"""What lies where in a run's folder. Names only."""

from __future__ import annotations

LOGS = "logs"
CHECKPOINTS = "checkpoints"
FIGURES = "figures"
STEPS_FILE = f"{LOGS}/metrics.jsonl"
ALERTS_FILE = f"{LOGS}/alerts.jsonl"
EPOCHS_FILE = f"{LOGS}/metrics.json"
LOG_FILE = f"{LOGS}/training.log"
TRAIN_CURVE_FILE = f"{LOGS}/train_loss.csv"
VAL_CURVE_FILE = f"{LOGS}/val_loss.csv"
TENSORBOARD = "tensorboard"
CONFIG_FILE = "config.yaml"
PLAN_FILE = "plan.md"
REPORT_FILE = "report.md"
CELLS_FILE = "cells.py"
STOP_FILE = "STOP"
