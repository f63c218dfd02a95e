"""What a mill's nodes hold becomes its messages. Pure: values in, messages out.

A coil is announced when what describes it has been still for `SETTLE_S`, since a PLC writes id,
order and width one after the other; a head sends it off at once. A value that does not change is no
news to a subscriber, so speed and position are said again while the server is there.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from pydantic import ValidationError

from edge.config import MillOpcUa, MillWord
from edge.mill.signals import (
    CoilSignal,
    CorrectionSignal,
    HeadSignal,
    PositionSignal,
    RefusedSignalError,
    Signal,
    SpeedSignal,
    TailSignal,
    refused,
)

SETTLE_S = 0.2
AGAIN_S = {"speed": 0.4, "position": 1.0}
Held = bool | int | float | str
Told = tuple[Signal, bool]
"""A message, and whether it was `retained`."""

_TEXTS = {"coil", "order", "steel_grade", "wrong_id", "right_id"}
_PULSES = {"head", "tail"}
_NUMBERS = {"width", "thickness", "speed", "position"}
_DESCRIBE: dict[MillWord, str] = {
    "coil": "id",
    "order": "order",
    "steel_grade": "steel_grade",
    "width": "width_mm",
    "thickness": "thickness_mm",
    "reversed": "reversed",
}
_TYPES: dict[str, type[SpeedSignal | PositionSignal]] = {
    "speed": SpeedSignal,
    "position": PositionSignal,
}
_FIELD = {"speed": "m_per_s", "position": "position_m"}


class NodeWords:
    """One server's words. Owned by one thread.

    Args:
        section: Which words there are, and their units.
    """

    def __init__(self, section: MillOpcUa) -> None:
        self._section = section
        self._now: dict[MillWord, Held] = {}
        self._said_s: dict[MillWord, float] = {}
        self._describe_s: float | None = None
        self._correct_s: float | None = None
        self._retained = False
        self._announced: dict[str, object] = {}

    def hear(
        self,
        word: MillWord,
        value: object,
        at: datetime | None,
        now_s: float,
        *,
        anew: bool = False,
    ) -> Iterator[Told]:
        """A word's value.

        Args:
            word: The word.
            value: What the node holds; None where it holds nothing that is valid.
            at: When it came there, by the mill's clock.
            now_s: This moment, on a clock of the caller's.
            anew: It was there when we came, and may be of any time.

        Yields:
            Messages to hand on, in order.

        Raises:
            RefusedSignalError: the value is of a wrong type or impossible; it counts as missing.
        """
        before = self._now.get(word)
        if word not in _PULSES:
            self._now.pop(word, None)
        self._said_s.pop(word, None)
        if value is None:
            return
        held = self._now[word] = _held(word, value)
        if word in _PULSES:
            yield from self._pulse(word, before, held, at, anew=anew)
        elif word in _TYPES:
            message = self._number(word, held, None if anew else at)
            self._said_s[word] = now_s
            yield message, False
        elif held != before:
            self._changed(word, now_s, anew=anew)

    def due(self, now_s: float) -> Iterator[Told]:
        """What was not said when it was heard.

        Raises:
            RefusedSignalError: what the nodes hold together makes no message; it is not tried
            again.
        """
        if self._describe_s is not None and now_s - self._describe_s >= SETTLE_S:
            yield from self._announce(None)
        if self._correct_s is not None and now_s - self._correct_s >= SETTLE_S:
            self._correct_s = None
            yield from self._correction()
        for word, said_s in list(self._said_s.items()):
            if now_s - said_s >= AGAIN_S[word]:
                self._said_s[word] = now_s
                yield self._number(word, self._now[word], None), False

    def _changed(self, word: MillWord, now_s: float, *, anew: bool) -> None:
        if word in _DESCRIBE:
            self._describe_s, self._retained = now_s, anew
        elif not anew:  # a correction from before we came was told then
            self._correct_s = now_s

    def _pulse(
        self, word: MillWord, before: Held | None, held: Held, at: datetime | None, *, anew: bool
    ) -> Iterator[Told]:
        counts = not isinstance(held, bool)
        if before is None or held == before or (not counts and (anew or not held)):
            return
        time = None if anew else at
        if word == "tail":
            yield _made(TailSignal, time=time), False
            return
        try:
            yield from self._announce(time)
        finally:  # whatever is wrong with its id, a coil begins
            yield _made(HeadSignal, time=time), False

    def _announce(self, at: datetime | None) -> Iterator[Told]:
        """The coil as it is described now, if that is news."""
        self._describe_s = None
        described: dict[str, object] = {
            field: self._scaled(word, self._now[word])
            for word, field in _DESCRIBE.items()
            if self._now.get(word, "") != "" and not (word in _NUMBERS and self._now[word] == 0)
        }
        if "id" not in described or described == self._announced:
            return
        another = described["id"] != self._announced.get("id")
        self._announced = described
        if another and "head" not in self._section.nodes:
            try:
                yield _made(HeadSignal, time=at, **described), self._retained
            except RefusedSignalError:
                yield _made(HeadSignal, time=at), self._retained
                raise
        else:
            yield _made(CoilSignal, place=self._section.place, **described), self._retained

    def _correction(self) -> Iterator[Told]:
        right, wrong = self._now.get("right_id", ""), self._now.get("wrong_id", "")
        if right != "":
            yield _made(CorrectionSignal, id=right, before=wrong or None), False

    def _number(self, word: MillWord, held: Held, at: datetime | None) -> Signal:
        return _made(_TYPES[word], time=at, **{_FIELD[word]: self._scaled(word, held)})

    def _scaled(self, word: MillWord, held: Held) -> Held:
        if word not in _NUMBERS:
            return held
        return float(held) * {str(w): by for w, by in self._section.scale.items()}.get(word, 1.0)


def _held(word: MillWord, value: object) -> Held:
    """The value, of the word's own type; texts that hold nothing are empty."""
    if word in _TEXTS and isinstance(value, str | int) and not isinstance(value, bool):
        return str(value).strip()
    if word in _NUMBERS and isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if word in _PULSES and isinstance(value, int):
        return value
    if word == "reversed" and isinstance(value, bool):
        return value
    wanted = "a text" if word in _TEXTS else "a number" if word in _NUMBERS else "a Boolean"
    raise RefusedSignalError("malformed", f"{word}: {ascii(value)[:60]}, must be {wanted}")


def _made(kind: Callable[..., Signal], **fields: object) -> Signal:
    try:
        return kind(**fields)
    except ValidationError as error:
        raise refused(error) from None
