from edge.acquire.coils import ConstantCoils
from edge.clock import Stamp
from edge.config import Coils
from edge.record.notes import NotedClock, NotedCoils, Notes, Retold
from tests.unit.edge.inspect.test_loop import SteppedClock


def test_what_was_told_is_told_again_and_then_the_last_of_it() -> None:
    notes, clock = Notes(), SteppedClock()
    noted, coils = (
        NotedClock(clock, notes),
        NotedCoils(ConstantCoils(Coils(length_m=2, width_mm=9)), notes),
    )
    noted.now()
    noted.sleep_until(7)
    noted.now()
    answer = coils.coils(1.0, 5.0)
    told, retold = notes.take(), Retold()
    assert notes.take() == ((), (), (), ())
    retold.tell(told, Stamp(3, 3))
    assert [retold.now().utc_ns for _ in range(3)] == [0, 7, 7]
    assert retold.coils(1.0, 5.0) == answer
    assert [coil.id for coil in retold.coils(2.5, 4.0)] == ["coil-0002"]
    retold.tell(notes.take(), Stamp(3, 3))
    assert retold.now() == (3, 3)
    assert retold.coils(1.0, 5.0) == ()
