"""What a mill's nodes hold becomes its messages. Pure: values in, messages out.

A coil is announced when what describes it has been still for `SETTLE_S`, since a PLC writes id,
order and width one after the other. What has not settled at a head is of the coil that begins there
where `place` is null, of the one after it with `next`; with `running` another id waits for its head
and follows it, or is of the coil whose head came just before. A value that does not change is no
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
LATE_S = 5.0
"""With `place: running` the id may follow its head so late."""
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
        self._settle_s = max(SETTLE_S, 2 * section.sampling_s)
        self._describe_s: float | None = None
        self._correct_s: float | None = None
        self._head_s: float | None = None
        self._is_nameless = False
        self._coil_at: datetime | None = None
        self._retained = self._missed_head = self._is_stale = False
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
        held = _held(word, value)
        self._check(word, held)
        self._now[word] = held
        if word in _PULSES:
            if isinstance(before, int) and isinstance(held, int):
                yield from self._pulse(word, before, held, None if anew else at, now_s, anew=anew)
        elif word in _TYPES:
            message = self._number(word, held, None if anew else at)
            self._said_s[word] = now_s
            yield message, False
        elif held != before:
            self._changed(word, now_s, None if anew else at, anew=anew)

    def due(self, now_s: float) -> Iterator[Told]:
        """What was not said when it was heard.

        Raises:
            RefusedSignalError: what the nodes hold together makes no message; it is not tried
            again.
        """
        if self._now.get("coil") == self._announced.get("id"):
            self._is_stale = False  # it is next, by the word that was read anew
        if self._describe_s is not None and now_s - self._describe_s >= self._settle_s:
            yield from self._settled()
        if self._head_s is not None and now_s - self._head_s >= LATE_S:
            self._head_s = None
            if (
                self._is_nameless and self._now.get("coil", "") != ""
            ):  # the same id again, of another coil
                self._announced = {}
                yield from self._announce()
        if self._correct_s is not None and now_s - self._correct_s >= self._settle_s:
            self._correct_s = None
            yield from self._correction()
        for word, said_s in list(self._said_s.items()):
            if now_s - said_s >= AGAIN_S[word]:
                self._said_s[word] = now_s
                yield self._number(word, self._now[word], None), False

    def _changed(self, word: MillWord, now_s: float, at: datetime | None, *, anew: bool) -> None:
        if word in _DESCRIBE:
            self._describe_s, self._retained = now_s, anew
            self._coil_at = at if word == "coil" else self._coil_at
        elif not anew:  # one from before we came was told then
            self._correct_s = now_s

    def _pulse(
        self,
        word: MillWord,
        was: int,
        held: int,
        at: datetime | None,
        now_s: float,
        *,
        anew: bool,
    ) -> Iterator[Told]:
        """A counter that was lower when we came back has begun anew, with its PLC."""
        missed = anew and (isinstance(held, bool) or held < was)
        self._missed_head = missed if word == "head" else self._missed_head
        if held == was or missed or held is False:
            return
        if anew and word == "head" and self._section.place == "next" and held - was > 1:
            # The coil announced has passed, and with the others the id of the one that runs.
            self._is_stale = True
            yield _made(TailSignal), False
        elif word == "tail" or self._is_stale:
            yield _made(TailSignal, time=at), False
        else:
            yield from self._head(at, now_s)

    def _head(self, at: datetime | None, now_s: float) -> Iterator[Told]:
        head = _made(HeadSignal, time=at), False
        if self._section.place is None:
            try:
                yield from self._announce()
            finally:  # whatever is wrong with its id, a coil begins
                yield head
            return
        yield head
        if self._section.place == "running":
            self._head_s, self._is_nameless = now_s, True
            if self._is_another:
                yield from self._announce()

    def _settled(self) -> Iterator[Told]:
        waits = self._section.place == "running" and "head" in self._section.nodes
        if waits and self._is_another and self._announced and self._head_s is None:
            self._describe_s = None
            if not (self._retained and self._missed_head):
                return  # until its head
            yield _made(HeadSignal), False
        yield from self._announce()

    @property
    def _is_another(self) -> bool:
        """Whether the words hold the id of a coil that is not announced."""
        return self._now.get("coil", "") not in {"", self._announced.get("id")}

    def _announce(self) -> Iterator[Told]:
        """The coil as it is described now, if that is news."""
        retained, self._retained, self._describe_s = self._retained, False, None
        described: dict[str, object] = {
            field: self._scaled(word, self._now[word])
            for word, field in _DESCRIBE.items()
            if not _is_empty(word, self._now.get(word, ""))
        }
        if "id" not in described or described == self._announced:
            return
        another = described["id"] != self._announced.get("id")
        self._announced, self._is_nameless = described, False
        if another and "head" not in self._section.nodes:
            try:
                yield _made(HeadSignal, time=self._coil_at, **described), retained
            except RefusedSignalError:
                yield _made(HeadSignal, time=self._coil_at), retained
                raise
        else:
            yield _made(CoilSignal, place=self._section.place, **described), retained
            self._is_stale = False

    def _check(self, word: MillWord, held: Held) -> None:
        """Refuse what makes no message, but for the id: a head is told even where that is wrong."""
        if word in _DESCRIBE and word != "coil" and not _is_empty(word, held):
            _made(HeadSignal, **{_DESCRIBE[word]: self._scaled(word, held)})
        elif word in {"right_id", "wrong_id"} and held != "":
            _made(CorrectionSignal, id=held)

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


def _is_empty(word: MillWord, held: Held) -> bool:
    return held == "" or (word in _NUMBERS and held == 0)


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
    if word in _PULSES:
        wanted += " or a whole number"
    raise RefusedSignalError("malformed", f"{word}: {ascii(value)[:60]}, must be {wanted}")


def _made(kind: Callable[..., Signal], **fields: object) -> Signal:
    try:
        return kind(**fields)
    except ValidationError as error:
        raise refused(error) from None
