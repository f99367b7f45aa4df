"""Inspector: a model, optimizer, scheduler or loader standing alone, followed as it changes.

Shows what `nbtrain.notebook.describe` says of the objects. Holds them weakly: a widget stays alive as
long as the kernel, and a model that is deleted must be free to go.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import anywidget

from nbtrain.errors import UsageError
from nbtrain.widgets.bundle import script, style
from nbtrain.widgets.delivery import Complaints, untie_replies
from nbtrain.widgets.object_watch import ObjectWatch, Subjects

if TYPE_CHECKING:
    from nbtrain.notebook.seen_shapes import SeenShapes

Objects = Mapping[str, Any]


class Inspector(anywidget.AnyWidget):
    """Shows objects and follows them within a second, while a page shows it.

    Args:
        model: the model, if there is one. model_name: its name in the notebook.
        optimizers, schedulers, loaders: name in the notebook -> object. With optimizers known, a
            trainable parameter that none of them holds is pointed out.
        samples: name of a loader -> one batch of it, to show shapes and ranges.
        output_shapes: what is known of the modules' output shapes; those of replaced layers are left out.

    Raises:
        UsageError: there is nothing to show.
    """

    _esm = script("inspector")
    _css = style("inspector")

    def __init__(
        self,
        model: Any = None,
        *,
        model_name: str = "",
        optimizers: Objects | None = None,
        schedulers: Objects | None = None,
        loaders: Objects | None = None,
        samples: Objects | None = None,
        output_shapes: SeenShapes | None = None,
    ) -> None:
        self._busy = threading.Lock()
        self._complaints = Complaints("The inspector")
        self._watch = ObjectWatch(self._subjects, self._tell, self._complaints.add)
        if model is None and not (optimizers or schedulers or loaders):
            raise UsageError(
                "There is nothing to inspect.",
                suggestion="Pass a model, an optimizer, a scheduler or a loader: nbtrain.inspect(model).",
            )
        self._model = (model_name, _weak(model))
        self._optimizers = {name: _weak(value) for name, value in (optimizers or {}).items()}
        self._schedulers = {name: _weak(value) for name, value in (schedulers or {}).items()}
        self._loaders = {name: _weak(value) for name, value in (loaders or {}).items()}
        self._samples = dict(samples or {})
        self._output_shapes = output_shapes
        super().__init__()
        self.on_msg(self._on_message)
        untie_replies(self)

    def close(self) -> None:
        """Stop following the objects and close the widget."""
        self._watch.close()
        super().close()

    @property
    def is_following(self) -> bool:
        """Whether the objects are looked at now, because a page shows them."""
        return self._watch.is_running

    def _subjects(self) -> Subjects:
        gone: list[str] = []

        def living(refs: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
            found = {name: ref() for name, ref in refs.items()}
            gone.extend(name for name, value in found.items() if value is None)
            return {name: value for name, value in found.items() if value is not None}

        name, ref = self._model
        model = ref()
        if model is None and ref is not _nothing:
            gone.append(name or "the model")
        parts = living(self._optimizers), living(self._schedulers), living(self._loaders)
        return Subjects(
            model=model,
            model_name=name,
            optimizers=parts[0],
            schedulers=parts[1],
            loaders=parts[2],
            samples=self._samples,
            output_shapes=self._output_shapes,
            gone=f"No variable holds {' and '.join(gone)} any more; what is shown is the last that was seen."
            if gone
            else "",
        )

    def _on_message(self, widget: Any, message: Any, buffers: Any) -> None:
        try:
            if isinstance(message, dict) and message.get("type") == "inspect":
                self._watch.handle(message)
        except Exception as error:
            self._complaints.add(error)

    def _tell(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        with self._busy:
            self.send(message, buffers)


def inspector_for(
    value: Any, name: str = "", *, sample: Any = None, optimizers: Objects | None = None
) -> Inspector:
    """Return the inspector of one object, told apart by what it has.

    Args:
        value: a model, an optimizer, a scheduler, or a loader.
        name: its name in the notebook.
        sample: one batch, if `value` is a loader.
        optimizers: name -> optimizer, if `value` is a model: who holds which parameters.

    Raises:
        UsageError: it is none of these.
    """
    name = name or type(value).__name__
    if hasattr(value, "named_modules"):
        return Inspector(value, model_name=name, optimizers=optimizers)
    if hasattr(value, "param_groups"):
        return Inspector(optimizers={name: value})
    if hasattr(value, "optimizer") and hasattr(value, "step"):
        return Inspector(schedulers={name: value})
    if hasattr(value, "__iter__") and not isinstance(value, (str, bytes, Mapping)):
        return Inspector(loaders={name: value}, samples=None if sample is None else {name: sample})
    raise UsageError(
        f"`{name}` is a {type(value).__name__}, which cannot be inspected.",
        suggestion="Pass a model, an optimizer, a scheduler, a loader, or the path of a checkpoint.",
    )


def _nothing() -> None:
    return None


def _weak(value: Any) -> Callable[[], Any]:
    if value is None:
        return _nothing
    try:
        return weakref.ref(value)
    except TypeError:  # lists of batches and other plain containers
        return lambda: value
