"""How values look in a notebook: a run as its live panel and then its picture, a plan with its Start button,
reports.

The picture takes the panel's place in the same output, so that the saved file shows it without kernel or
JavaScript.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from IPython import get_ipython
from IPython.display import display
from IPython.utils.capture import capture_output

from nbtrain.commands import finish
from nbtrain.commands.explain import page_of_alert
from nbtrain.errors import UsageError
from nbtrain.magics.place import Place
from nbtrain.magics.question import QUESTION, Question, close_open
from nbtrain.magics.surroundings import in_colab, nobody_here
from nbtrain.report.model import Details, Section, Text
from nbtrain.running import terminate, viewing

OPEN_SECTIONS = ("Rehearsal", "Before you start", "Resumed from")  # of a plan: what it warns of
_TYPES = {
    ("nbtrain.running.run", "Run"): "_run_shown",
    ("nbtrain.commands.inspect", "Inspection"): "_inspection_shown",
    ("nbtrain.runs.stored", "StoredRun"): "_stored_shown",
    ("nbtrain.commands.lr_find", "LrFind"): "_lr_find_shown",
    ("nbtrain.search.search", "Search"): "_search_shown",
    ("nbtrain.launching.proposal", "Proposal"): "_proposal_shown",
    ("nbtrain.diagnose.diagnosis", "Diagnosis"): "_diagnosis_shown",
}
_shown_in: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()  # run -> cell that has shown it


def install(shell: Any) -> None:
    """Register how our values look. Twice does no harm."""
    formatter = shell.display_formatter.ipython_display_formatter
    for (module, name), function in _TYPES.items():
        formatter.for_type_by_name(module, name, globals()[function])
    viewing.viewer, viewing.foreground = show_live, show_foreground
    viewing.cell_of, viewing.cells = _cell_names(shell), _cells_run(shell)
    viewing.cell_now = partial(getattr, shell, "execution_count", None)
    # a click may be handled in another thread, and only the main one can listen to signals
    loop = getattr(getattr(shell, "kernel", None), "io_loop", None)
    terminate.in_main_thread = getattr(loop, "add_callback", None)
    shell.events.register("post_run_cell", _put_back)


@contextmanager
def nothing_shown(asked: bool) -> Iterator[None]:
    """Keep what code displays in the block from the cell, where that is asked for."""
    with capture_output() if asked else nullcontext():
        yield


def uninstall(shell: Any) -> None:
    """Take everything back."""
    formatter = shell.display_formatter.ipython_display_formatter
    for module, name in _TYPES:
        formatter.deferred_printers.pop((module, name), None)
        loaded = getattr(sys.modules.get(module), name, None)
        if loaded is not None:
            formatter.pop(loaded, None)
    viewing.viewer = viewing.foreground = viewing.cell_of = terminate.in_main_thread = None
    viewing.cell_now = viewing.cells = None
    with suppress(ValueError):
        shell.events.unregister("post_run_cell", _put_back)
    close_open("nbtrain was unloaded: %load_ext nbtrain, then %train again.")


def _put_back(*_: Any) -> None:
    """Give the signal of ending back to whom it was, once no run lives."""
    terminate.put_back()


class View:
    """A run's place in a cell: plan, panel, report, each a display of its own that is filled when its time
    comes.

    A watcher of the run: `update` is called by the pump, and once more by `run.wait()` from the main thread,
    since batch
    executors keep only what the running cell sends. All widgets are made here, in the main thread. Holds no
    run; while it asks, its question does.
    """

    def __init__(self, run: Any, *, ask: bool = False) -> None:
        from nbtrain.widgets.panel import RunPanel

        self._panel = RunPanel(run, explain=page_of_alert)
        self._plan = Place(run.plan.report()._repr_mimebundle_()) if ask else None
        self._question = Question(run) if ask else None
        self._ending: tuple[Any, dict[str, Any]] = (None, {})  # what it is of, the report as shown
        self._place, self._report_place = Place({"text/plain": ""}), Place({"text/plain": ""})
        self._placed = False
        contents, ref = weakref.WeakMethod(self._contents), weakref.ref(run)
        self._panel.places = partial(_places, contents, ref)
        if self._question is not None:
            self._question.bar.places = self._panel.places
        if not ask:
            self._put_panel()
        run.watchers.append(self)

    def _put_panel(self) -> None:
        data, metadata = self._panel.mimebundle()
        self._place.fill(data, metadata)
        self._placed = True

    def update(self, run: Any) -> None:
        """Bring the view up to date; put the picture in the panel's place once the run is over."""
        if not self._placed:
            self._put_panel()
            self._question.close("Started.")
            self._plan.fill(self._plan_behind_its_headline(run))
        self._panel.update(run)
        if run.status.over:
            self._panel.close_watch()
            self._place.fill(*picture(run))
            self._report_place.fill(self._report_of(run))

    def _contents(self, run: Any) -> list[dict[str, Any]]:
        """What the places show now, for a page that has missed it."""
        shown: list[dict[str, Any]] = []
        if self._plan is not None and self._placed:
            shown.append(self._plan.as_output(self._plan_behind_its_headline(run)))
        if self._question is not None and self._question.answer:
            shown.append(self._question.place.as_output({"text/plain": self._question.answer}))
        if self._placed:
            here = picture(run) if run.status.over else self._panel.mimebundle()
            shown.append(self._place.as_output(*here))
        if run.status.over:
            shown.append(self._report_place.as_output(self._report_of(run)))
        return shown

    @staticmethod
    def _plan_behind_its_headline(run: Any) -> dict[str, Any]:
        """The plan of a run that has started: its panel is what is looked at now."""
        return folded(run.plan.report())._repr_mimebundle_()

    def _report_of(self, run: Any) -> dict[str, Any]:
        """The report of a run that is over, made once: the pump shows it, and `wait` in other cells."""
        state = finish.said_so_far(run)
        if self._ending[0] != state:
            self._ending = state, report_below(run)
        return self._ending[1]


def _places(contents: Any, ref: weakref.ref[Any]) -> list[dict[str, Any]]:
    """What a view's places show, [] once view or run are gone: widgets live for ever and hold neither."""
    shown, run = contents(), ref()
    return [] if shown is None or run is None else shown(run)


def picture(run: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return data and metadata of a run's final picture:
    image/png and text/plain, the form that stays in every kind of saved notebook.
    """
    drawn = finish.picture(run)
    # Exporters give the words to those who cannot see the picture; all but one, see `report_below`.
    metadata = {"image/png": {"width": drawn.width, "alt": drawn.alt}}
    return {"image/png": drawn.png, "text/plain": drawn.text}, metadata


def report_below(run: Any) -> dict[str, Any]:
    """Return the report that stands below a run's picture, with the picture in words for those who cannot see
    it: nbconvert's lab template leaves the alternative text of an image out.
    """
    report = run.report(curves=False)
    words = Section("", (Details("The picture in words", (Text(finish.picture(run).alt),)),))
    told = replace(report, sections=(*report.sections, words))
    return {**report._repr_mimebundle_(), "text/html": told._repr_mimebundle_()["text/html"]}


def show_live(run: Any) -> None:
    """Show a run's panel in this cell, with its picture and report once it is over."""
    if nobody_here(get_ipython()) or in_colab():
        show_still(run)
        return
    mark_shown(run)
    View(run)


def _cell_names(shell: Any) -> Callable[[str], str]:
    """Return what tells the name of a cell from that of its file."""

    def cell_of(file: str) -> str:
        told = shell.compile.format_code_name(file)
        return " ".join(told) if told else ""

    return cell_of


def _cells_run(shell: Any) -> Callable[[], list[tuple[int, str]]]:
    """Return what tells the cells that were run, from IPython's own history; none where it keeps none."""

    def cells() -> list[tuple[int, str]]:
        raw = getattr(getattr(shell, "history_manager", None), "input_hist_raw", None) or [""]
        return list(enumerate(raw))[1:]

    return cells


def show_foreground(run: Any) -> Any:
    """Show a run that goes on in this very cell; return what shows its end.

    Its panel lives meanwhile, for its messages come from the pump; where they would not arrive, its picture
    is left at the end.
    """
    mark_shown(run)
    if nobody_here(get_ipython()) or in_colab():
        return lambda: show_still(run)
    View(run)
    return lambda: None


def show_status(run: Any) -> None:
    """Show how a run stands:
    its panel while it trains, its picture and report afterwards, its report from disk.
    """
    if not hasattr(run, "plan") or not hasattr(run, "report"):
        _stored_shown(run)
    elif run.status.alive:
        show_live(run)
    else:
        show_still(run)


def show_plan(run: Any) -> None:
    """Show a planned run: everything it would do, and the Start button.

    Colab shows no update that comes from a thread, so a run started by a click would not be seen there.
    """
    mark_shown(run)
    if in_colab():
        show_value(run.plan.report())
        print(f"{QUESTION} In Colab, start it with the same line and --yes.")
        return
    View(run, ask=True)


def show_still(run: Any) -> None:
    """Show a run as picture and report, as it stands now."""
    mark_shown(run)
    if not run.id:
        show_value(run.plan.report())
        return
    data, metadata = picture(run)
    display(data, metadata=metadata, raw=True)
    display(report_below(run), raw=True)


def show_value(value: Any) -> None:
    """Show anything that has a MIME bundle, as it is."""
    display(value._repr_mimebundle_(), raw=True)


def folded(report: Any) -> Any:
    """Return a report behind its headline, with what must be read before the start standing open."""
    urgent = tuple(section for section in report.sections if section.title in OPEN_SECTIONS)
    blocks = [block for section in report.sections if section not in urgent for block in section.blocks]
    return replace(report, sections=(*urgent, Section("", (Details("Everything it does", tuple(blocks)),))))


def mark_shown(run: Any) -> None:
    """Note that this cell shows the run, so that it is not shown again as the cell's value."""
    _shown_in[run] = _cell()


def _cell() -> Any:
    """Return what tells this cell's execution from others: its request, or without a kernel its number."""
    shell = get_ipython()
    kernel = getattr(shell, "kernel", None)
    request = kernel.get_parent("shell") if kernel is not None else {}
    return (request or {}).get("header", {}).get("msg_id") or shell.execution_count


def _run_shown(run: Any) -> None:
    """A run as a cell's value; nothing when this very cell has shown it already."""
    if _shown_in.get(run) == _cell():
        return
    if run.status.over:
        show_still(run)
    elif run.id:
        show_live(run)
    else:
        show_plan(run)


def _inspection_shown(inspection: Any) -> None:
    if nobody_here(get_ipython()) or in_colab():  # a thread fills the widget
        show_value(inspection.report())
        return
    from nbtrain.widgets.inspector import Inspector

    widget = Inspector(
        inspection.model,
        model_name=inspection.model_name,
        optimizers=dict(inspection.optimizers),
        schedulers=dict(inspection.schedulers),
        loaders=dict(inspection.loaders),
        samples=inspection.samples,
        output_shapes=inspection.output_shapes,
    )
    report = inspection.report()
    data, metadata = _with_stand_in(widget, report.to_text(), report.to_html())
    display(data, metadata=metadata, raw=True)


def _search_shown(search: Any) -> None:
    """A search as a cell's value; nothing when this very cell has shown it already."""
    from nbtrain.magics.search_view import show_search

    if _shown_in.get(search) != _cell():
        mark_shown(search)
        show_search(search)


def _proposal_shown(proposal: Any) -> None:
    from nbtrain.magics.proposal_view import show_proposal

    show_proposal(proposal)


def _lr_find_shown(found: Any) -> None:
    """The report of a range test, and a button that sets its suggestion."""
    show_value(found)
    if not found.can_apply or found.applied or nobody_here(get_ipython()):
        return
    from nbtrain.widgets.confirm import StartBar

    asked = weakref.ref(found)  # the widget lives as long as the kernel

    def apply() -> str:
        living = asked()
        if living is None:
            raise UsageError("This result is gone: run %train lr-find again.")
        return living.apply()

    question = f"Set lr = {found.suggestion:g} on {found.optimizer_name}?"
    bar = StartBar(apply, question, label=f"Apply {found.suggestion:g}", busy="Setting it…", icon="check")
    data, metadata = _with_stand_in(bar, f"{question} %train lr-find --apply does.")
    display(data, metadata=metadata, raw=True)


def _diagnosis_shown(found: Any) -> None:
    """The report of a diagnosis, and a button that puts its change into a cell below.

    The code stands in the report too, which is what a saved notebook keeps.
    """
    show_value(found)
    if not found.next_cell or nobody_here(get_ipython()):
        return
    from nbtrain.widgets.next_cell import NextCell

    offer = NextCell(found.next_cell, "The next step, as a cell:")
    place = Place(*_with_stand_in(offer, "The next step stands in the report above."))
    offer.place = place.name


def _with_stand_in(widget: Any, text: str, html: str = "") -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a widget's data and metadata, with what a saved file shows in its place."""
    shown = widget._repr_mimebundle_()
    data, metadata = shown if isinstance(shown, tuple) else (shown or {}, {})
    return {**data, "text/plain": text, **({"text/html": html} if html else {})}, dict(metadata or {})


def _stored_shown(run: Any) -> None:
    show_value(finish.completion(run))
