"""Train and eval modes while a model trains: `model.eval()` in a cell would switch dropout off for good."""

from __future__ import annotations

from torch import nn

from nbtrain.running.guards.habits import Habits


class Modes:
    """The mode each module of a model is to have: as it was when the training began.

    A batch norm that was put in eval mode before the start stays so. What the model's own forward switches is
    left to it.

    Args:
        model: in the modes it shall train in. put_back: also change modes, not only tell.
    """

    def __init__(self, model: nn.Module, *, put_back: bool) -> None:
        self._model, self._put_back = model, put_back
        self._habits = Habits()
        self.adopt()

    def adopt(self) -> None:
        """Take the modes as they are now for those that shall be."""
        self._wanted = [(module, module.training) for module in self._model.modules()]
        self._root = self._model.training

    @property
    def switched(self) -> bool:
        """True when the whole model was switched: the look that costs a step nothing."""
        return self._model.training is not self._root

    def look(self) -> list[nn.Module]:
        """Return the modules that a cell has switched since the last look; they are put back."""
        other = [(module, wanted) for module, wanted in self._wanted if module.training is not wanted]
        if not other:
            self._habits.news(set())
            return []
        news = self._habits.news({id(module) for module, _ in other})
        for module, wanted in other:
            if self._put_back and not self._habits.known(id(module)):
                module.training = wanted
        if not self._put_back:
            self.adopt()
        return [module for module, _ in other if id(module) in news]
