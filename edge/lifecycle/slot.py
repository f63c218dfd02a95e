"""The bundle that inspects, and the one that waits to take over.

The inspecting thread only swaps a reference between two sections, so no cell is lost. By default
the swap waits for the next coil: a coil graded by two models is nobody's.
"""

import threading
from typing import Literal, NamedTuple

from contract.bodies import ModelReference
from edge.lifecycle.model import Model

When = Literal["coil_start", "now"]


class Swap(NamedTuple):
    """A change of model that has just happened."""

    before: Model
    after: Model
    when: When


class ModelSlot:
    """Holds the active model and the waiting one; `offer` from any thread, `take` from one."""

    def __init__(self, active: Model) -> None:
        self.active = active
        self._lock = threading.Lock()
        self._waiting: tuple[Model, When] | None = None

    @property
    def waiting(self) -> ModelReference | None:
        """The model that takes over next, if one waits."""
        waiting = self._waiting
        return waiting[0].reference if waiting else None

    def offer(self, model: Model, when: When) -> None:
        """Let a model take over; it replaces one that still waits."""
        with self._lock:
            self._waiting = (model, when)

    def take(self, *, new_coil: bool) -> Swap | None:
        """Swap now if a model waits for this moment (the inspecting thread, between sections)."""
        with self._lock:
            if self._waiting is None:
                return None
            after, when = self._waiting
            if not (new_coil or when == "now"):
                return None
            self._waiting = None
        before, self.active = self.active, after
        return Swap(before, after, when)
