import socket
from pathlib import Path

from edge.systemd import Notifier


def test_ready_and_alive_reach_the_manager(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        notifier = Notifier(str(tmp_path / "notify"))
        notifier.ready()
        notifier.alive()
        assert [manager.recv(64), manager.recv(64)] == [b"READY=1", b"WATCHDOG=1"]


def test_without_a_manager_nothing_happens() -> None:
    Notifier(None).alive()


def test_a_manager_that_is_away_or_does_not_read_holds_nothing_up(tmp_path: Path) -> None:
    notifier = Notifier(str(tmp_path / "notify"))
    notifier.alive()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        for _ in range(10_000):
            notifier.alive()
