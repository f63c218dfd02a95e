"""Subjects of coils: unique, and names of files and pictures, whatever the mill's ids are."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from edge.clock import Stamp
from edge.ledger.evidence import evidence_path
from edge.mill.signals import LONGEST_ID, CoilSignal
from edge.mill.subjects import KEPT, Subjects
from tests.unit.edge.mill.passage import NOON_NS

IDS = st.text(min_size=1, max_size=LONGEST_ID).filter(lambda t: t.isprintable() and t.strip() == t)


@given(ids=st.lists(IDS | st.sampled_from(["A", "A/1", "A_1", "A~2", "A~2~2", "..", "-"])))
def test_every_coming_has_its_own_subject_and_its_pictures_a_name(ids: list[str]) -> None:
    known: set[str] = {"A", "A~2"}
    subjects = Subjects(known.__contains__)
    given_: list[str] = []
    for coil_id in ids:
        assert CoilSignal(id=coil_id).id == coil_id
        subjects.learn(coil_id)
        given_.append(subjects.of(coil_id))
    assert len({*given_, *known}) == len(given_) + len(known)
    for subject in given_:
        picture = evidence_path(Path("/ledger"), f"{subject}_123.jpg")
        assert picture.parent == Path("/ledger/evidence")


def test_a_subject_that_no_coil_used_hides_none_behind_it() -> None:
    subjects = Subjects({"B", "A~2", "A~3"}.__contains__)
    for coil_id, subject in (("A", "A~4"), ("B", "B~2"), ("C", "C")):
        subjects.learn(coil_id)
        assert subjects.of(coil_id) == subject


def test_ids_of_long_ago_are_asked_for_again() -> None:
    known: set[str] = set()
    subjects = Subjects(known.__contains__)
    for number in range(3 * KEPT):
        subjects.learn(f"C{number}")
        known.add(subjects.of(f"C{number}"))
    assert len(subjects._used) == KEPT
    for coil_id in ("C0", f"C{3 * KEPT - 1}"):
        subjects.learn(coil_id)
        assert subjects.of(coil_id) == f"{coil_id}~2"


def test_what_has_no_id_is_told_apart_even_when_the_clock_stands() -> None:
    subjects, now = Subjects(set[str]().__contains__), Stamp(0, NOON_NS)
    one, other = subjects.provisional(now), subjects.provisional(now, "between")
    assert one == "unnamed~20261123T120000.000"
    assert other == "between~20261123T120000.000"
    assert subjects.provisional(now) == "unnamed~20261123T120000.001"
