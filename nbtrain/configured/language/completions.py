"""What the model writes before it is trained and after, greedily, from the same beginnings."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch

from nbtrain.configured.language.layouts import Question
from nbtrain.configured.language.pretrained import Base, quiet
from nbtrain.runs.completions import Completion
from nbtrain.train.events import Callback
from nbtrain.train.modes import evaluating

QUESTIONS, NEW_TOKENS = 3, 48


class Completions(Callback):
    """Has the model write before the first step, and again when it is asked to.

    Drawn is nothing: each next token is the likeliest, so that the training goes on as it would have. What
    cannot be generated is said instead of the text and ends nothing.

    Args:
        base: for the tokenizer. questions: what to begin with.
    """

    def __init__(self, base: Base, questions: Sequence[Question]) -> None:
        self._base, self._questions = base, tuple(questions)
        self._before: list[str] = []

    def on_start(self, work: Any, state: Any) -> None:
        """Have the untrained model write; a resumed run remembers what it wrote."""
        if not self._before:
            self._before = self._written(work)

    def state_dict(self) -> dict[str, Any]:
        """Return what was written before."""
        return {"before": list(self._before)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Know it again."""
        self._before = list(state["before"])

    def compared(self, work: Any) -> list[Completion]:
        """Return what was written before and what the model writes now."""
        before = self._before or [""] * len(self._questions)
        return [
            Completion(asked.text, old, new, asked.expected)
            for asked, old, new in zip(self._questions, before, self._written(work), strict=True)
        ]

    def _written(self, work: Any) -> list[str]:
        model = getattr(work.model, "_orig_mod", work.model)
        half = work.precision.autocast if work.precision.dtype is not None else nullcontext
        found = []
        with evaluating(model), torch.no_grad(), quiet(), half():
            for question in self._questions:
                try:
                    found.append(self._one(model, question, work.device))
                except Exception as error:  # of the model's own generate; the training does not need it
                    found.append(f"(not generated: {str(error).splitlines()[0][:120] if str(error) else ''})")
        return found

    def _one(self, model: Any, question: Question, device: torch.device) -> str:
        tokenizer, window = self._base.tokenizer, self._base.window
        ids = tokenizer(question.text, add_special_tokens=not question.rendered)["input_ids"]
        if ids and ids[-1] == tokenizer.eos_token_id and not question.rendered:
            ids = ids[:-1]  # some tokenizers end every text
        new = NEW_TOKENS if window is None else max(1, min(NEW_TOKENS, window // 2))
        if window is not None:
            ids = ids[-(window - new) :]
        given = torch.tensor([ids], device=device)
        made = model.generate(
            input_ids=given, attention_mask=torch.ones_like(given), max_new_tokens=new, do_sample=False,
            num_beams=1, use_cache=True, pad_token_id=self._base.filling,
        )  # fmt: skip
        return tokenizer.decode(made[0, len(ids) :].tolist(), skip_special_tokens=True)
