"""Review training code and live objects before GPU hours are spent. Reads; never runs what it reads."""

from __future__ import annotations

from nbtrain.review.explain import explain_rule as explain_rule
from nbtrain.review.files import review_file as review_file
from nbtrain.review.review import Review as Review
from nbtrain.review.review import review_source as review_source

__all__ = ["Review", "explain_rule", "review_file", "review_source"]
