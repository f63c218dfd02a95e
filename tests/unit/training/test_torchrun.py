"""A process of torchrun's becomes one of its own."""

import pytest
import torch
from lightning.pytorch.utilities import rank_zero_only

from training.job import is_first_process
from training.torchrun import LAUNCHED, VISIBLE, work_alone


@pytest.mark.parametrize(
    ("gpus", "known", "taken"),
    [(0, None, None), (2, None, "1"), (2, "4,7", "7"), (1, None, "0")],
)
def test_each_process_takes_the_next_gpu(
    monkeypatch: pytest.MonkeyPatch, gpus: int, known: str | None, taken: str | None
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(rank_zero_only, "rank", 3)
    environ = {LAUNCHED: "x", "LOCAL_RANK": "1", "RANK": "3", "WORLD_SIZE": "4", "HOME": "/"}
    environ |= {VISIBLE: known} if known else {}
    work_alone(environ)
    assert environ == {"HOME": "/"} | ({VISIBLE: taken} if taken else {})
    assert is_first_process()


def test_without_torchrun_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rank_zero_only, "rank", 3)
    environ = {"RANK": "3", "LOCAL_RANK": "1"}
    work_alone(environ)
    assert environ == {"RANK": "3", "LOCAL_RANK": "1"}
    assert not is_first_process()
