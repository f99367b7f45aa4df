"""Live objects as JSON-ready dicts for the inspector: one door to model, optimizer, scheduler and loader.

Looking changes nothing; each part is its own module.
"""

from __future__ import annotations

from nbtrain.notebook.describe_loader import describe_loader
from nbtrain.notebook.describe_model import describe_model, model_signature
from nbtrain.notebook.describe_optimizer import describe_optimizer
from nbtrain.notebook.describe_scheduler import describe_scheduler

__all__ = ["describe_loader", "describe_model", "describe_optimizer", "describe_scheduler", "model_signature"]
