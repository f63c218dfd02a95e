import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.bodies import CoilData
from edge.clock import Stamp
from edge.record.records import (
    BundleAt,
    Coils,
    Committed,
    Ended,
    Finished,
    Record,
    Seen,
    Takeover,
    Told,
    Waited,
    from_raw,
    pixels_of,
    to_words,
)
from edge.record.segment import DamagedError, Raw
from edge.types import Coil, Correction, Frame, Loss, RowMap, Start
from tests.unit.edge.ledger.making import action, commit, defect

METRES = st.floats(allow_nan=False, allow_infinity=False)
STAMPS = st.builds(Stamp, st.integers(0, 1 << 62), st.integers(0, 1 << 62))
LOSSES = st.lists(st.builds(Loss, METRES, METRES, st.text(max_size=9)), max_size=2).map(tuple)
DATA = st.builds(
    CoilData, order=st.none() | st.text(), side=st.sampled_from([None, "top", "bottom"])
)
COILS = st.builds(
    Coil, st.text(), METRES, st.none() | METRES, METRES, st.booleans(), DATA,
    st.none() | st.text(), METRES,
)  # fmt: skip
CORRECTIONS = st.builds(Correction, COILS, st.text(), STAMPS)
BUNDLES = st.builds(BundleAt, st.text(), st.just(Path("/bundles/one")))
TOLD = st.builds(
    Told,
    st.lists(STAMPS, max_size=2).map(tuple),
    st.lists(st.builds(Coils, METRES, METRES, st.tuples(COILS)), max_size=2).map(tuple),
    st.lists(st.none() | st.builds(Takeover, BUNDLES, st.sampled_from(["coil_start", "now"])),
             max_size=2).map(tuple),
    st.lists(st.tuples(CORRECTIONS), max_size=2).map(tuple),
)  # fmt: skip
FRAMES = st.builds(
    Frame,
    st.integers(0, 1 << 40),
    st.binary(min_size=6, max_size=6).map(lambda b: np.frombuffer(b, np.uint8).reshape(2, 3)),
    st.builds(RowMap, METRES, METRES, st.integers(1, 9)),
    st.none() | STAMPS,
    STAMPS,
    LOSSES,
)
SEEN = st.builds(Seen, FRAMES, LOSSES, st.builds(Start, METRES, st.text()), BUNDLES, TOLD)


def through_a_file(record: Record) -> Record:
    return from_raw(Raw(json.loads(json.dumps(to_words(record))), bytes(pixels_of(record))))


@given(SEEN)
def test_a_frame_comes_back_with_all_that_belongs_to_it(seen: Seen) -> None:
    back = through_a_file(seen)
    assert isinstance(back, Seen)
    assert np.array_equal(back.frame.pixels, seen.frame.pixels)
    assert not back.frame.pixels.flags.writeable
    nothing = np.zeros(0, np.uint8)
    frames = [dataclasses.replace(s.frame, pixels=nothing) for s in (back, seen)]
    assert all(
        getattr(frames[0], f.name) == getattr(frames[1], f.name)
        for f in dataclasses.fields(Frame)
        if f.name != "pixels"
    )
    rest = [dataclasses.replace(s, frame=frames[0]) for s in (back, seen)]
    assert rest[0] == rest[1]


@pytest.mark.parametrize(
    "pixels", [np.zeros((4, 0), np.uint8), np.arange(24, dtype=np.uint8)[::-2]]
)
def test_pixels_of_any_layout_come_back(
    pixels: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]",
) -> None:
    frame = Frame(0, pixels, RowMap(0.0, 1.0, 1), None, Stamp(0, 0))
    back = through_a_file(
        Seen(frame, (), Start(7.5, "restart"), BundleAt("", Path("b")), Told((), (), ()))
    )
    assert isinstance(back, Seen)
    assert np.array_equal(back.frame.pixels, pixels)
    assert back.start == Start(7.5, "restart")


def test_what_others_committed_comes_back() -> None:
    given_ = dataclasses.replace(commit(action("one"), defect("d")), watermark=None)
    for record in (
        Committed(None, given_, ()),
        Ended(),
        Finished(Told((Stamp(1, 2),), (), ())),
        Waited(Told((), (), ())),
    ):
        assert through_a_file(record) == record


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"kind": "other"},
        {"kind": ["seen"]},
        {"kind": "seen", "shape": [9, 9]},
        {"kind": "finished", "told": 3},
        {"kind": "committed", "frame": 1, "given": {"drafts": [1]}, "events": []},
        {"kind": "committed", "frame": 1, "given": None, "events": [{}]},
    ],
)
def test_words_that_make_no_record_are_damage(words: Mapping[str, object]) -> None:
    with pytest.raises(DamagedError):
        from_raw(Raw(dict(words), b""))
