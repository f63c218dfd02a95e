from tests.bench.camera import Scrape, counted


def test_counters_are_told_by_what_they_rose() -> None:
    first = Scrape(10.0, {'stripsight_cells_total{outcome="on_time"}': 64.0}, {})
    last = Scrape(
        12.5,
        {
            'stripsight_cells_total{outcome="on_time"}': 192.0,
            'stripsight_cells_total{outcome="late"}': 3.0,
            'stripsight_cells_total{outcome="lost"}': 0.0,
            'stripsight_frames_lost_total{reason="buffer_overflow"}': 2.0,  # a new series
            'stripsight_frames_lost_created{reason="buffer_overflow"}': 1.7e9,
        },
        {},
    )

    assert counted(first, last) == {
        "seconds": 2.5, "lost": {"buffer_overflow": 2}, "cells": {"on_time": 128, "late": 3},
    }  # fmt: skip
