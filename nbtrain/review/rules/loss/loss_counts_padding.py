"""The loss of a sequence model also counts padding.

What it does
Looks at cross-entropy over flattened tokens in a source that pads sequences, without `ignore_index`, without
-100 in the targets and without a mask on the loss.

Why it hurts
The model learns to predict padding, which is easy: the loss looks good, the more so the more padding a
batch has.

Bad
```python
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

tokens = pad_sequence(sentences, batch_first=True)
model = nn.Sequential(nn.Embedding(1000, 32, padding_idx=0), nn.Linear(32, 1000))
logits = model(tokens[:, :-1])
loss = nn.functional.cross_entropy(logits.reshape(-1, 1000), tokens[:, 1:].reshape(-1))
```

Good
```python
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

tokens = pad_sequence(sentences, batch_first=True)
model = nn.Sequential(nn.Embedding(1000, 32, padding_idx=0), nn.Linear(32, 1000))
logits = model(tokens[:, :-1])
loss = nn.functional.cross_entropy(logits.reshape(-1, 1000), tokens[:, 1:].reshape(-1), ignore_index=0)
```

When to ignore
The padding token also ends sentences and shall be predicted once.

Source: PyTorch's documentation of CrossEntropyLoss (ignore_index).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.losses_read import LossCall, loss_calls
from nbtrain.notebook.symbolic.provenance import behind
from nbtrain.notebook.symbolic.values import Const, Member, Term, Value
from nbtrain.review.edits import add_keyword
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule
from nbtrain.review.rules.loss.double_label_shift import CAUSAL

PADS = re.compile(
    r"pad_sequence|padding_idx|padding=True|padding=[\"'](max_length|longest)|pad_token_id|\bPAD\w*\b|<pad>"
)
MASKS = re.compile(
    r"ignore_index|-100|loss_mask|label_mask|target_mask|"
    r"mask\)?\.sum|[\w)\]] *\* *\w*mask|reduction=[\"']none|"
    r"packed_data|packed\.data|PackedSequence|"
    r"pack_padded_sequence\((?:[^()]|\([^()]*\))*\)(?:\.data|\[0\])|"
    r"\w+(?:, *\*?\w+)+ *= *[\w.]*pack_padded_sequence|"
    r"bucket|DataCollatorFor(LanguageModeling|Seq2Seq|TokenClassification)",
    re.IGNORECASE,
)
FLAT = (".view", ".reshape", ".flatten", "torch.flatten", ".transpose", ".permute")


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    yield from _collators(facts)
    found = PADS.search(facts.words)
    if found is None or MASKS.search(_in_training(facts)):
        return
    yield from _own_labels(facts, found[0])
    for loss in loss_calls(facts.story):
        if loss.kind in ("cross-entropy", "nll") and _over_tokens(loss) and not _picked(loss):
            given = loss.criterion
            call = given.node if given is not None and hasattr(given, "node") else loss.event.node
            yield Problem(
                issue="The loss also counts padding",
                current=f"{loss.name} over all tokens",
                recommended="ignore_index=the padding token",
                evidence=(
                    f"line {loss.line}: the source pads ({found[0]}), and nothing leaves padding out "
                    "of the loss"
                ),
                line=loss.line,
                fix="ignore_index=pad_token_id",
                edits=add_keyword(call, "ignore_index=0") if "padding_idx=0" in facts.words else (),
            )


def _in_training(facts: ReviewFacts) -> str:
    """The source without its evaluations: a mask in a count of right answers is none of the loss."""
    lines = facts.words.split("\n")
    for run in facts.story.passes:
        node = run.loop.node if run.loop is not None and run.quiet else None
        if node is not None and run.of("backward") == []:
            for at in range(node.lineno - 1, min(len(lines), getattr(node, "end_lineno", None) or 0)):
                lines[at] = ""
    return "\n".join(lines)


def _own_labels(facts: ReviewFacts, pads: str) -> Iterator[Problem]:
    """Labels of a language model that are a copy of padded ids."""
    language = [
        e for e in facts.story.made("pretrained", "transformer-model") if CAUSAL.search(e.data["path"])
    ]
    for event in facts.story.of("set-item") if language else ():
        key = event.data["key"]
        if isinstance(key, Const) and key.value == "labels" and _is_ids(event.data["value"]):
            yield Problem(
                issue="The loss also counts padding",
                current="labels are a copy of the padded input_ids",
                recommended="labels of -100 where the attention mask is 0",
                evidence=f"line {event.line}: the source pads ({pads}), and no label is set to -100",
                line=event.line,
                fix='labels[batch["attention_mask"] == 0] = -100',
            )
            return


def _collators(facts: ReviewFacts) -> Iterator[Problem]:
    """A collator of transformers that is told to pad labels with the padding token."""
    for event in facts.story.calls("DataCollatorForSeq2Seq", "DataCollatorForTokenClassification"):
        given = event.data["kwargs"].get("label_pad_token_id")
        if isinstance(given, Member) and given.attr == "pad_token_id":
            yield Problem(
                issue="The loss also counts padding",
                current="labels are padded with the padding token",
                recommended="label_pad_token_id=-100, which the loss leaves out",
                evidence=f"line {event.line}: label_pad_token_id is the tokenizer's pad_token_id",
                line=event.line,
                fix="label_pad_token_id=-100",
            )


def _is_ids(value: Value) -> bool:
    return any(isinstance(one, Member) and one.attr == "input_ids" for one, _ in behind(value))


def _picked(loss: LossCall) -> bool:
    """Positions are picked by a mask: `logits[mask]`."""
    for one, _ in behind(loss.target) if loss.target is not None else ():
        node = one.op.node if isinstance(one, Term) and one.op is not None and one.op.path == "[]" else None
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name | ast.Compare | ast.UnaryOp):
            return "mask" in ast.unparse(node.slice) or not isinstance(node.slice, ast.Name)
    return False


def _over_tokens(loss: LossCall) -> bool:
    """Targets of every position, laid out flat: `y.view(-1)`."""
    op = loss.target.op if isinstance(loss.target, Term) else None
    return op is not None and op.path in FLAT


RULE = Rule("loss-counts-padding", Severity.WARNING, check)
