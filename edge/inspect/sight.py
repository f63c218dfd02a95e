"""What can be seen of a section before any tile is cut: where the strip is, and how well."""

from collections.abc import Iterator
from typing import NamedTuple

from contract.tiles import Span
from edge.config import Config
from edge.inspect.account import Fate
from edge.inspect.edges import Across, EdgeTracker, across
from edge.inspect.lens import Lens
from edge.inspect.strip import View, find_strip, unusable
from edge.metrics import InspectMetrics
from edge.types import Section

Mm = tuple[float, float]
"""From and to, from the operator side."""


class Sight(NamedTuple):
    """A section before it is inspected."""

    view: View
    across: Across
    unusable: str | None
    hidden: tuple[Mm, ...]
    """What something before the lens hides."""

    @property
    def doubt(self) -> Fate | None:
        """What is wrong with the strip's place or width, though every cell may have been seen."""
        told = not self.view.doubt or self.view.lost
        return None if told else _disagrees(self.view.doubt)

    def seen(self, fate: Fate) -> Iterator[tuple[Mm, Fate]]:
        """What became of the width in view, when `fate` is that of what could be judged."""
        start, end = self.across.seen
        if self.view.lost:
            fate = _disagrees(self.view.doubt)
        for hidden in self.hidden:
            first, last = (min(max(mm, start), end) for mm in hidden)
            if first < last:
                yield (start, first), fate
                yield (first, last), Fate("unusable", "obscured")
                start = last
        yield (start, end), fate

    def beside(self) -> Iterator[tuple[Mm, Fate]]:
        """What became of the width left and right of it: no strip there, or out of view."""
        for mm, ends in self.across.beside:
            yield mm, _disagrees(self.view.doubt or "narrower") if ends else Fate("lost", "no_view")


class Eye:
    """Looks at sections one after the other; owned by the inspecting thread."""

    def __init__(self, config: Config, metrics: InspectMetrics) -> None:
        self._strip, self._limits = config.strip, config.inspect
        self._mm_per_px = config.optics.mm_per_px_across
        self._metrics = metrics
        self._lens = Lens(config.inspect.blurred_below)
        self._coil: str | None = None

    def see(self, section: Section, *, in_scale: bool = True) -> Sight:
        """Find the strip in a section's own rows, and whether it can be judged there. The lens is
        not judged by rows that lie too close: strip at rest looks smooth along.
        """
        coil = section.coil
        if coil.id != self._coil:
            self._coil = coil.id
            self._edges = EdgeTracker(self._strip, coil.width_mm, self._mm_per_px)
            self._lens.new_coil()
        pixels = section.frame.pixels[section.row_from : section.row_to]
        view = find_strip(pixels, self._strip)
        why = unusable(pixels, view.columns, self._limits)
        if why is None:
            if in_scale:
                self._lens.look(pixels, view)
            why = "blurred" if self._lens.blurred else None
        if self._strip.edges == "detect":
            view = self._edges.place(view, pixels.shape[1], known=why is None)
            self._show(view)
        hidden = () if why else self._lens.hidden
        if why or hidden:
            self._metrics.unusable_frames.labels(why or "obscured").inc()
        laid = across(view, coil.width_mm, self._mm_per_px, self._edges.slack_px)
        return Sight(view, laid, why, tuple(self._mm(span, view) for span in hidden))

    def _mm(self, columns: Span, view: View) -> Mm:
        start, end = ((px - view.left_px) * self._mm_per_px for px in columns)
        return start, end

    def _show(self, view: View) -> None:
        whole = view.left_edge_seen and view.right_edge_seen
        width_mm = view.columns.length * self._mm_per_px if whole else float("nan")
        self._metrics.strip_width.set(width_mm)
        self._metrics.strip_left.set(view.left_px * self._mm_per_px)
        self._metrics.strip_wander.set(self._edges.wander_px * self._mm_per_px)


def _disagrees(reason: str) -> Fate:
    return Fate("off_strip_disagreement", reason)
