"""The samples that a timed process leaves behind."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Histogram

from tests.bench.ratios import rate
from tests.bench.timed import (
    STAGE,
    Sample,
    between,
    outside_network,
    read_samples,
    recording,
    values,
    write_samples,
)


def stage(at_s: float, name: str, value: float) -> Sample:
    return Sample(at_s, 1, STAGE, name, value)


def test_every_observation_is_kept_and_still_counts() -> None:
    registry = CollectorRegistry()
    plain = Histogram("plain", "-", registry=registry)
    labelled = Histogram("labelled", "-", ["a", "b"], registry=registry)

    with recording() as samples:
        plain.observe(0.25)
        with labelled.labels("x", "y").time():
            pass
    plain.observe(1.0)

    assert [(s.histogram, s.labels) for s in samples] == [("plain", ""), ("labelled", "x,y")]
    assert samples[0].value == 0.25
    assert samples[0].at_s <= samples[1].at_s
    assert registry.get_sample_value("plain_count") == 2


def test_a_file_of_samples_reads_as_it_was_written(tmp_path: Path) -> None:
    samples = [Sample(0.1 + 0.2, 140_000_000_000_000, STAGE, "cut", 1e-7), stage(3, "a,b", 0.5)]
    write_samples(tmp_path / "inspect.csv", samples)

    assert read_samples(tmp_path / "inspect.csv") == samples


def test_a_stretch_of_time_and_one_histogram() -> None:
    samples = [stage(1.0, "cut", 0.1), stage(2.0, "cut", 0.2), Sample(2.5, 1, "other", "", 0.3)]

    assert between(samples, 1.0, 2.0) == samples[:1]
    assert values(samples, "other") == [0.3]
    assert samples[2].stage is None


def test_outside_the_network_is_the_frame_without_it_and_its_own_commit() -> None:
    # The ledger is a frame late, and the second frame, where a coil changes, has two sections.
    samples = [
        stage(1.0, "classify", 0.020), stage(1.1, "join", 0.001), stage(1.2, "frame", 0.022),
        stage(2.0, "classify", 0.010), stage(2.1, "classify", 0.011),
        stage(2.15, "commit", 0.003),
        stage(2.2, "frame", 0.025), stage(2.3, "commit", 0.001),
        stage(3.2, "frame", 0.030),
    ]  # fmt: skip

    found = outside_network(samples)

    assert [at_s for at_s, _ in found] == [1.2, 2.2]
    assert [seconds for _, seconds in found] == pytest.approx([0.005, 0.005])


def test_a_rate_is_counted_between_whole_frames() -> None:
    assert rate([10.0, 10.5, 11.2, 11.5]) == pytest.approx(2.0)
