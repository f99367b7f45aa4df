"""Whether eval mode changes anything in a model that is trained."""

from __future__ import annotations

from torch import nn

_DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
_NORMS = (nn.modules.batchnorm._BatchNorm,)


def trains_in_eval_mode(model: nn.Module | None) -> bool:
    """Say whether a whole model is in eval mode, with dropout in it or a batch norm that could learn.

    A model that is in train mode with some norms frozen is not: that is somebody's choice.
    """
    return model is not None and not model.training and any(map(_matters, model.modules()))


def _matters(module: nn.Module) -> bool:
    if module.training:
        return False
    if isinstance(module, _DROPOUTS):
        return module.p > 0
    learns = any(p.requires_grad for p in module.parameters(recurse=False))
    return isinstance(module, _NORMS) and module.track_running_stats and learns
