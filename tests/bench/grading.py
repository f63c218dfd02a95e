"""What grading costs: `python -m tests.bench.grading [DEFECTS]`.

On the line: a defect's severity, and the coil's grade at its end, by the demo's rules and by 200.
From the ledger: the same coil graded again, as `stripsight-edge coil grade` does it. Times are the
processor's, so that what else runs on the machine counts little.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from contract.bodies import CoilReport, Defect
from contract.events import Draft
from edge.grading.grade import CoilFacts, Tally
from edge.grading.regrade import regrade
from edge.grading.rules import Rules
from edge.grading.rules_file import RulesFile, load_rules
from edge.grading.severity import severity
from edge.ledger.inspections import inspections
from edge.ledger.log import EventLog
from edge.ledger.reader import EventReader
from tests.conftest import ROOT
from tests.unit.edge.grading.making import NOW, WIDTH_MM, defect
from tests.unit.edge.ledger.making import SOURCE, SetClock, coil_report, coil_started, commit

LENGTH_M = 2000.0
FACTS = CoilFacts(LENGTH_M, 1.0, inspection_valid=True)


def defects(count: int, rules: RulesFile) -> list[Defect]:
    random = np.random.default_rng(0)
    names = list(rules.rules.classes())
    columns = zip(
        random.uniform(0, LENGTH_M, count).tolist(),
        random.choice([64.0, 192.0, 640.0], count).tolist(),
        random.uniform(0, WIDTH_MM - 64, count).tolist(),
        random.integers(0, len(names), count).tolist(),
        strict=True,
    )
    return [
        defect(at_m, length_mm, 64.0, from_mm, names[label], defect_id=f"c/{number}", revision=1)
        for number, (at_m, length_mm, from_mm, label) in enumerate(columns)
    ]


def many(rules: RulesFile) -> RulesFile:
    """The coil's rules again and again, up to 200."""
    raw = rules.rules.model_dump(exclude_none=True)
    copies = [rule | {"rule": f"{rule['rule']} {n}"} for n in range(25) for rule in raw["coil"]]
    return rules._replace(rules=Rules.model_validate(raw | {"coil": copies[:200]}))


def timed(what: str, work: Callable[[], object], per: int = 0) -> None:
    began = time.process_time()
    work()
    took_s = time.process_time() - began
    each = f", {took_s / per * 1e6:.1f} us each" if per else ""
    print(f"{what:44} {took_s:8.3f} s{each}", flush=True)


def take_all(tally: Tally, bodies: list[Defect]) -> None:
    for body in bodies:
        tally.take(body)


def on_the_line(found: list[Defect], rules: RulesFile) -> None:
    tally, long = Tally(rules, WIDTH_MM), Tally(many(rules), WIDTH_MM)
    named = []

    def assess() -> None:
        for body in found:
            name = severity(body, WIDTH_MM, rules.rules).name
            named.append(body.model_copy(update={"severity": name}))

    timed("severity", assess, len(found))
    timed("kept for the grade", lambda: take_all(tally, named), len(found))
    timed(f"grade by {len(rules.rules.coil)} rules", lambda: tally.grade(FACTS))
    take_all(long, named)
    timed("grade by 200 rules", lambda: long.grade(FACTS))


def from_the_ledger(found: list[Defect], rules: RulesFile) -> None:
    counts: dict[str, int] = {}
    for body in found:
        counts[body.class_name] = counts.get(body.class_name, 0) + 1
    plain = coil_report("c").body
    if not isinstance(plain, CoilReport):
        raise TypeError("a coil's report")
    report = plain.model_copy(update={"defects": counts, "length_m": LENGTH_M})
    drafts = [Draft(body, "c", body.defect_id, NOW) for body in found]
    with tempfile.TemporaryDirectory() as folder:
        log = EventLog(Path(folder), SOURCE, SetClock())
        log.open()
        log.commit(commit(coil_started("c"), *drafts, Draft(report, "c", "r", NOW)))
        log.close()
        reader = EventReader(Path(folder))
        timed(
            "graded again from the ledger",
            lambda: regrade(reader, inspections(reader), "c", rules),
        )


def main(count: int) -> None:
    path = ROOT / "deploy" / "config" / "grading.yaml"
    rules = load_rules(path)
    print(f"{count} defects on {LENGTH_M:.0f} m")
    found = defects(count, rules)
    on_the_line(found, rules)
    from_the_ledger(found, rules)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
