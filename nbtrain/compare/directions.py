"""Which way a metric gets better: told by the last telling word of its name, or declared. It reads no run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

UP, DOWN = "up", "down"
# shares, which a difference of is told in points
_SHARES = {
    "acc", "accuracy", "f1", "auc", "auroc", "roc", "aucroc", "auprc", "precision", "recall", "iou", "miou",
    "dice", "jaccard", "top1", "top5", "top3", "acc1", "acc5", "map", "map50", "ap", "ap50", "sensitivity",
    "specificity", "kappa", "mcc", "ndcg", "mrr", "fbeta", "em",
}  # fmt: skip
_UP = _SHARES | {
    "bleu", "rouge", "rouge1", "rouge2", "rougel", "meteor", "r2", "psnr", "ssim", "likelihood", "elbo",
    "reward",     "correlation", "pearson", "spearman", "pearsonr", "spearmanr", "correct", "hits",
}  # fmt: skip
_DOWN = {
    "loss", "error", "err", "perplexity", "ppl", "mse", "rmse", "mae", "mape", "smape", "nll", "wer", "cer",
    "fid", "brier", "ece", "mce", "eer", "bpc", "bpb", "logloss", "entropy", "bce", "ce", "fpr", "fnr",
    "rmsle", "msle", "lpips", "kl", "divergence", "mistakes", "incorrect", "deviance",
}  # fmt: skip
_NEGATED = {"neg", "negative", "minus"}


def words_of(name: str) -> list[str]:
    """Return the words of a column's name, lower case: `valF1_score` -> val, f1, score."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word]


def direction_of(name: str, declared: Mapping[str, str] | None = None) -> str | None:
    """Return "up" where more is better, "down" where less is, None where the name does not tell.

    Args:
        declared: name -> direction, of a column or of what it measures (`f2` for `val_f2`); comes first.
    """
    declared = declared or {}
    for told in (name, stem(name)):
        if told in declared:
            return declared[told]
    words = words_of(name)
    telling = [word for word in words if word in _UP or word in _DOWN]
    if not telling:
        return None
    up = telling[-1] in _UP
    if _NEGATED & set(words):
        up = not up
    return UP if up else DOWN


def in_points(name: str) -> bool:
    """Say whether a metric is a share of something, 0..1 or percent."""
    telling = [word for word in words_of(name) if word in _UP or word in _DOWN]
    return bool(telling) and telling[-1] in _SHARES


def stem(name: str) -> str:
    """Return what a column measures, without the data it measures it on."""
    return re.sub(r"^(train|val|valid|test)[_/.]", "", name)


def declarations(up: Iterable[str] = (), down: Iterable[str] = ()) -> dict[str, str]:
    """Return name -> direction of what was declared; a name may be given as `a,b`."""
    split = [
        (name.strip(), way)
        for names, way in ((up, UP), (down, DOWN))
        for word in names
        for name in word.split(",")
    ]
    return {name: way for name, way in split if name}
