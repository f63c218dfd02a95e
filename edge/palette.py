"""Colours and letters of the classes: fixed by the order of the class list, so that a class keeps
its colour from coil to coil and from screen to screen.

The colours are Okabe and Ito's ("Color Universal Design", 2008), distinguishable with any of the
common colour-vision deficiencies; the letter says the same without colour. Yellow comes last, since
it is weak on light steel.
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from contract.bundle import CARD
from contract.card import read_card
from contract.errors import BundleError

log = logging.getLogger(__name__)

COLOURS = ("#d55e00", "#0072b2", "#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#f0e442")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Swatch(NamedTuple):
    """How a class is drawn."""

    name: str
    letter: str
    colour: str


class Palette:
    """Swatches by class name; a class that the list does not know is appended when first met."""

    def __init__(self, classes: Sequence[str]) -> None:
        self._names = list(dict.fromkeys(classes))

    @classmethod
    def of_bundle(cls, bundle: Path) -> Self:
        """In the order of the bundle's defect classes; without a readable one, as they are met."""
        try:
            return cls(read_card(bundle / CARD).classes.defects)
        except BundleError as error:
            log.warning("colours by order of appearance: %s", error)
            return cls(())

    def __getitem__(self, name: str) -> Swatch:
        if name not in self._names:
            self._names.append(name)
        index = self._names.index(name)
        return Swatch(name, _letters(index), COLOURS[index % len(COLOURS)])

    def __iter__(self) -> Iterator[Swatch]:
        return (self[name] for name in self._names)


def _letters(index: int) -> str:
    """A, B, ..., Z, AA, AB, ..."""
    head, last = divmod(index, len(_LETTERS))
    return (_letters(head - 1) if head else "") + _LETTERS[last]
