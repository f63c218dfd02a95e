"""Coils of a real event log, graded again, and what the daemon lets itself be told of them."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.bodies import (
    CoilCorrected,
    CoilData,
    CoilGraded,
    CoilReport,
    Defect,
    DefectDensity,
    EventBody,
)
from contract.events import Draft, number
from edge.errors import ConfigError
from edge.grading.counts import defects_in
from edge.grading.live import CoilGrading
from edge.grading.recording import graded, request_of
from edge.grading.regrade import Regraded, as_table, regrade
from edge.grading.rules_file import RulesFile, load_rules
from edge.ledger.inspections import Inspection, find, inspections
from edge.ledger.log import EventLog
from edge.ledger.reader import EventReader
from edge.types import Coil
from tests.unit.edge.grading.making import NOW, RULES, WIDTH_MM, defect
from tests.unit.edge.ledger.making import SOURCE, SetClock, coil_report, coil_started, commit

OLD = RULES | {"coil": [{"rule": "r", "severity": "major", "more_than": 2, "grade": "second"}]}
NEW = OLD | {"version": "2", "coil": [OLD["coil"][0] | {"more_than": 1}]}


class DefectOfNextVersion(EventBody):
    """What another version of this program may tell."""

    kind = "defect"
    colour: str


class Mill:
    """A ledger, and coils graded as they are on the line."""

    began = NOW

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.old, self.new = self.rules("old.yaml", OLD), self.rules("new.yaml", NEW)
        self.log = EventLog(folder / "ledger", SOURCE, SetClock(), reserve_bytes=0)
        self.log.open()

    def rules(self, name: str, raw: dict[str, Any]) -> RulesFile:
        path = self.folder / name
        path.write_text(yaml.safe_dump(raw))
        return load_rules(path)

    @property
    def reader(self) -> EventReader:
        return EventReader(self.folder / "ledger")

    def coil(
        self, name: str, *lengths: float, start: Mapping[str, Any] = {}, **changes: object
    ) -> None:
        """A coil with scratches so long, ten metres apart."""
        grading = CoilGrading(self.old, Coil(name, 0.0, None, WIDTH_MM, **start))
        drafts = []
        for at, length_mm in enumerate(lengths):
            found = defect(10.0 * at, length_mm, defect_id=f"{name}/{at}")
            named = {"severity": grading.assess(found).name}
            bodies: list[Defect] = [
                found.model_copy(update={"revision": 1, "phase": "opened"}),
                found.model_copy(update=named),
            ]
            drafts += [Draft(b, name, f"{at}.{b.revision}", NOW) for b in bodies]
        grading.take(drafts)
        report = self.report(name, drafts, grading, **changes)
        body = coil_started(name).body.model_copy(update=dict(start))
        started = Draft(body, name, f"start{len(drafts)}", self.began)
        self.log.commit(commit(started, *drafts, Draft(report, name, f"r{len(drafts)}", NOW)))

    @staticmethod
    def report(
        name: str, drafts: list[Draft], grading: CoilGrading, **changes: object
    ) -> CoilReport:
        plain = coil_report(name).body
        assert isinstance(plain, CoilReport)
        counts = dict(defects_in(d.body for d in drafts))
        known = {"length_m": 100.0, "width_mm": WIDTH_MM, "defects": counts}
        report = plain.model_copy(update=known | {"rules": grading.label} | changes)
        return report.model_copy(update={"grade": grading.grade(report)} | changes)

    def regrade(
        self,
        coil: str,
        rules: RulesFile,
        from_seq: int | None = None,
        own: RulesFile | None = None,
    ) -> Regraded:
        return regrade(self.reader, inspections(self.reader), coil, rules, from_seq, own)

    def found(self, coil: str) -> Inspection:
        return find(inspections(self.reader), coil)

    def correct(self, subject: str, coil_id: str, key: str = "corrected") -> None:
        body = CoilCorrected(coil_id=coil_id, width_mm=WIDTH_MM, data=CoilData(), by="mill")
        self.log.commit(commit(Draft(body, subject, key, NOW)))

    def ask(self, subject: str, origin: str = "rules", **arguments: str) -> Draft:
        rules = str(self.folder / "new.yaml")
        known = {"subject": subject, "origin": origin, "grade": "second", "rules": rules}
        known |= {"label": self.new.label} if origin == "rules" else {}
        request = request_of(known | arguments)
        return graded(request, "uid 7", self.reader, self.old, NOW)

    def record(self, draft: Draft) -> int:
        return len(self.log.commit(commit(draft)))


@pytest.fixture
def mill(tmp_path: Path) -> Iterator[Mill]:
    made = Mill(tmp_path)
    made.coil("c-1", 200.0, 10.0, 200.0)
    made.coil("c-2", 200.0)
    yield made
    made.log.close()


def test_the_same_rules_give_the_grade_that_the_line_gave(mill: Mill) -> None:
    found = mill.regrade("c-1", mill.old)
    assert (found.before, found.changed, found.problem) == (found.after, False, None)
    assert found.severities == {"major": 2, "minor": 1}


def test_changed_rules_give_another_and_write_nothing(mill: Mill) -> None:
    last = mill.reader.last_seq()
    found = [mill.regrade(coil, mill.new) for coil in ("c-1", "c-2")]
    assert [(r.before and r.before.name, r.after and r.after.name) for r in found] == [
        ("prime", "second"),
        ("prime", "prime"),
    ]
    assert found[0].after
    assert found[0].after.reasons == ("r: 2, more than 1",)
    assert found[0].after.rules == mill.new.label
    assert mill.reader.last_seq() == last
    assert as_table(found).splitlines() == [
        "coil  before  after",
        "c-1   prime   second  changed",
        "    r: 2, more than 1",
        "c-2   prime   prime",
    ]


def test_a_coil_without_a_body_is_graded_and_says_which_rules_found_nothing(mill: Mill) -> None:
    body = OLD["coil"][0] | {"along": ["body"], "more_than": 0}
    ends = mill.rules("ends.yaml", OLD | {"coil": [body], "zones": {"first_m": 60, "last_m": 40}})
    found = mill.regrade("c-1", ends)
    assert found.after
    assert found.after.name == "prime"
    (said,) = found.as_json()["remarks"]
    assert said.startswith("no body: a coil of 100.0 m is all first_m and last_m")
    assert as_table([found]).splitlines()[-1] == f"    {said}"
    assert mill.regrade("c-1", mill.new).remarks == []


def test_coils_that_cannot_be_graded_say_why(mill: Mill) -> None:
    mill.coil("c-3", interrupted=True, grade=None)
    mill.coil("c-4", 200.0, defects={"scratch": 2})
    mill.log.commit(commit(coil_started("c-5")))
    why = {c: mill.regrade(c, mill.new).problem for c in ("nope", "c-3", "c-4", "c-5")}
    assert str(why["nope"]).startswith("no coil nope in the ledger")
    assert "its end was not seen" in str(why["c-3"])
    assert "holds 1 defects, its report says 2" in str(why["c-4"])
    assert "has no report yet" in str(why["c-5"])


def test_a_coil_whose_start_is_gone_is_not_graded_as_if_it_was_seen_whole(mill: Mill) -> None:
    mill.log.commit(commit(coil_report("c-6")))
    found = mill.regrade("c-6", mill.new)
    assert found.after is None
    assert "its start is past ledger.keep_days" in (found.problem or "")


def dense_coil(mill: Mill, name: str, rules: RulesFile | None) -> None:
    """A major scratch, and 299 beside it as a number."""
    dense = DefectDensity(class_name="scratch", from_m=0, to_m=10, count=300, told=1, per_10_m=300)
    known = {"defects": {"scratch": 300}, "length_m": 100.0, "rules": rules and rules.label}
    report = coil_report(name).body.model_copy(update=known)
    long = defect(1.0, 200.0, revision=1, severity="major")
    drafts = [Draft(body, name, str(i), NOW) for i, body in enumerate((long, dense, report))]
    mill.log.commit(commit(coil_started(name), *drafts))


def test_dense_defects_are_part_of_a_regraded_coil(mill: Mill) -> None:
    dense_coil(mill, "d", mill.old)
    for rules, why in ((mill.old, "r: 300, more than 2"), (mill.new, "r: 300, more than 1")):
        found = mill.regrade("d", rules, own=mill.old)
        assert found.after
        assert found.after.reasons == (why,)


def test_what_was_told_as_a_number_is_not_graded_by_other_rules_for_defects(mill: Mill) -> None:
    """It was no worse than the ones told, by the rules of that time."""
    dense_coil(mill, "d", mill.old)
    dense_coil(mill, "e", None)
    lower = [*OLD["defects"][:-1], OLD["defects"][-1] | {"larger_than_mm2": 50}]
    stricter = mill.rules("stricter.yaml", NEW | {"defects": lower})
    assert mill.regrade("c-1", stricter, own=mill.old).after
    edges = mill.rules("edges.yaml", NEW | {"zones": NEW["zones"] | {"drive_edge_mm": 10}})
    unknown = mill.regrade("d", mill.new, own=mill.new)
    for found in (
        *(mill.regrade("d", rules, own=mill.old) for rules in (stricter, edges)),
        unknown, mill.regrade("d", mill.new), mill.regrade("e", mill.new, own=mill.new),
    ):  # fmt: skip
        assert found.after is None
        assert str(found.problem).startswith("299 of its defects were told as a number")


def test_a_coil_that_was_named_late_or_comes_again_is_found_as_its_newest(mill: Mill) -> None:
    for subject, name in (("unnamed~1", "A/1"), ("c-2~2", "c-2")):
        mill.coil(subject, 200.0, 200.0, 200.0)
        mill.correct(subject, name)
    names = {name: mill.regrade(name, mill.new).subject for name in ("A/1", "unnamed~1", "c-2")}
    assert names == {"A/1": "unnamed~1", "unnamed~1": "unnamed~1", "c-2": "c-2~2"}


def test_no_grade_goes_to_a_coil_by_an_id_that_it_had_for_a_while(mill: Mill) -> None:
    mill.correct("c-1", "B", "1")
    mill.correct("c-1", "C", "2")
    problem = mill.regrade("B", mill.new).problem or ""
    assert problem.startswith("no coil B in the ledger"), "c-1 is C now"
    assert mill.regrade("C", mill.new).subject == "c-1"
    with pytest.raises(ConfigError, match="'C': the ledger has no coil of this subject"):
        mill.ask("C")
    assert mill.ask("c-1").coil == "c-1"


def test_both_parts_of_a_coil_that_a_restart_cut_are_reached(mill: Mill) -> None:
    mill.coil("A", 10.0, interrupted=True, grade=None)
    mill.coil("unnamed~1", 200.0, start={"head_seen": False})
    mill.correct("unnamed~1", "A")
    rest = mill.regrade("A", mill.new)
    assert (rest.subject, [other.subject for other in rest.others]) == ("unnamed~1", ["A"])
    first = mill.regrade("A", mill.new, rest.others[0].first_seq)
    assert (first.subject, [other.subject for other in first.others]) == ("A", ["unnamed~1"])
    by_hand = {"origin": "inspector", "comment": "seen", "from_seq": f"{first.from_seq}"}
    assert mill.ask("A", **by_hand).coil == "A"


def test_a_grade_for_an_older_coil_never_goes_to_the_newest_of_its_subject(mill: Mill) -> None:
    mill.coil("c-1")
    newer = mill.regrade("c-1", mill.new)
    (older,) = newer.others
    arguments = mill.regrade("c-1", mill.new, older.first_seq).arguments
    asked = arguments(mill.folder / "new.yaml", "", over_inspector=False)
    with pytest.raises(ConfigError, match="would be taken for its"):
        mill.ask(**asked)
    assert mill.ask("c-1", from_seq=f"{newer.from_seq}").coil == "c-1"


def test_no_grade_goes_to_a_coil_of_another_ledger(tmp_path: Path) -> None:
    """Both of the same camera: their first coils have the same subject, `seq` and event id."""
    mills = []
    for day, name in enumerate(("a", "b")):
        (tmp_path / name).mkdir()
        mills.append(Mill(tmp_path / name))
        mills[-1].began = NOW + timedelta(days=day)
        mills[-1].coil("coil-0001", 200.0, 200.0)
    a, b = mills
    asked = a.regrade("coil-0001", a.new).arguments(a.folder / "new.yaml", "", over_inspector=False)
    assert a.ask(**asked).coil == "coil-0001"
    for subject in ("coil-0001", "only in a"):
        with pytest.raises(ConfigError, match="with the config that the daemon runs on"):
            b.ask(**asked | {"subject": subject})
    for mill in mills:
        mill.log.close()


def test_an_id_is_found_however_many_corrections_came_after(mill: Mill) -> None:
    mill.coil("A", 10.0)
    mill.coil("A~2", 200.0)
    mill.correct("A~2", "A")
    for times in range(1200):
        mill.correct("c-1", "c-1", f"{times}")
    assert mill.regrade("A", mill.new).subject == "A~2"


def test_a_defect_of_another_version_keeps_its_coil_from_being_graded(mill: Mill) -> None:
    of_next_version = DefectOfNextVersion(colour="red")
    report = coil_report("c-9")
    mill.log.commit(commit(coil_started("c-9"), Draft(of_next_version, "c-9", "1", NOW), report))
    assert "is of another version" in str(mill.regrade("c-9", mill.new).problem)


def test_a_recorded_grade_holds_until_the_next(mill: Mill) -> None:
    draft = mill.ask("c-1", reasons="r: 2, more than 1")
    body = draft.body
    assert isinstance(body, CoilGraded)
    assert (body.grade.name, body.grade.reasons) == ("second", ("r: 2, more than 1",))
    assert (body.before and body.before.name, body.origin, body.by) == ("prime", "rules", "uid 7")
    assert mill.record(draft) == 1
    override = mill.ask("c-1", "inspector", grade="scrap", comment="bent")
    assert isinstance(override.body, CoilGraded)
    assert override.body.before == body.grade
    assert override.body.grade.reasons == ("bent",)
    assert mill.record(override) == 1
    events = [recorded.event for recorded in mill.reader.of_coil("c-1", [])]
    graded_by = mill.found("c-1")
    assert graded_by.grade
    assert (graded_by.grade.name, graded_by.grade_seq) == ("scrap", events[-1].seq)
    assert mill.regrade("c-1", mill.new).by_inspector


def test_a_request_that_is_repeated_is_one_event_and_another_is_another(mill: Mill) -> None:
    draft = mill.ask("c-1", "inspector", comment="seen")
    again = mill.ask("c-1", "inspector", comment="seen")
    assert number(draft, SOURCE, 1).id == number(again, SOURCE, 1).id
    assert (mill.record(draft), mill.record(again)) == (1, 0)
    assert mill.record(mill.ask("c-1", "inspector", comment="seen")) == 1
    other = mill.ask("c-2", "inspector", comment="seen once more")
    assert number(other, SOURCE, 1).id != number(draft, SOURCE, 1).id


def test_rules_do_not_replace_what_a_person_said_unless_asked(mill: Mill) -> None:
    mill.record(mill.ask("c-1", "inspector", grade="scrap", comment="bent"))
    with pytest.raises(ConfigError, match="uid 7 graded it 'scrap' by hand; --over-inspector"):
        mill.ask("c-1")
    assert mill.ask("c-1", over_inspector="yes").coil == "c-1"
    assert mill.ask("c-1", "inspector", comment="straightened").coil == "c-1"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"subject": "nope"}, "no coil of this subject"),
        ({"grade": "secnd"}, "unknown grade 'secnd', did you mean 'second'?"),
        ({"origin": "inspector"}, "needs a comment"),
        ({"origin": "inspector", "comment": "  "}, "needs a comment"),
        ({"origin": "inspector", "comment": "a\nb"}, r"comment: a line break or another control"),
        ({"comment": "\x1b[31mred"}, r"another control character ('\x1b'); leave it out"),
        ({"origin": "nobody"}, "grade: origin"),
        ({"label": "2@other"}, "changed meanwhile"),
        ({"rules": "/nowhere.yaml"}, "no such rules file"),
        ({"comment": "x" * 501}, "grade: comment"),
        ({"subject": ""}, "grade: subject"),
        ({"colour": "red"}, "grade: colour"),
    ],
)
def test_what_cannot_be_recorded_is_refused(
    mill: Mill, arguments: dict[str, str], words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        mill.ask(**{"subject": "c-1", **arguments})
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "part",
    [{"interrupted": True}, {"start": {"head_seen": False}}, {"start": {"late_m": 1.1}}],
)
def test_a_coil_that_was_not_seen_whole_is_graded_by_a_person_only(
    mill: Mill, part: dict[str, Any]
) -> None:
    mill.coil("c-3", 10.0, **part)
    assert mill.found("c-3").grade is None
    assert "no rule grades it" in (mill.regrade("c-3", mill.new).problem or "")
    with pytest.raises(ConfigError, match="no rule grades it"):
        mill.ask("c-3")
    body = mill.ask("c-3", "inspector", comment="unrolled and looked at").body
    assert isinstance(body, CoilGraded)
    assert body.before is None


def test_a_head_that_was_told_a_little_late_costs_no_grade(mill: Mill) -> None:
    mill.coil("c-3", 10.0, start={"late_m": 1.0})
    found = mill.regrade("c-3", mill.old)
    assert found.before
    assert found.after == found.before


words = st.text(max_size=30) | st.sampled_from(["c-1", "rules", "inspector", "second", "yes"])
names = st.sampled_from(["subject", "origin", "grade", "reasons", "label", "comment"]) | words


@settings(max_examples=200)
@given(arguments=st.dictionaries(names, words, max_size=8))
def test_hostile_requests_are_refused_in_words(arguments: dict[str, str]) -> None:
    try:
        request = request_of(arguments)
    except ConfigError:
        return
    assert {request.subject, request.origin, request.grade} <= set(arguments.values())
