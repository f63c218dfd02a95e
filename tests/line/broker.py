"""A real mosquitto on a free port that can be stopped and started, keeping its sessions."""

import getpass
import signal
import subprocess
from pathlib import Path

from tests.conftest import require_program
from tests.waiting import free_port, wait_for

CONFIG = """\
listener {port} 127.0.0.1
persistence true
persistence_location {folder}/
max_queued_messages 0
user {user}
{extra}
"""


class Broker:
    """One mosquitto, which drops no message for a slow subscriber; `port` stays the same over
    restarts.
    """

    def __init__(self, folder: Path, extra: str = "allow_anonymous true") -> None:
        self._program = require_program("mosquitto")
        self.port = free_port()
        self._log = folder / "mosquitto.log"
        self._config = folder / "mosquitto.conf"
        folder.mkdir(parents=True, exist_ok=True)
        # Root's mosquitto would become a user that cannot enter a test's folder.
        user = getpass.getuser()
        self._config.write_text(
            CONFIG.format(port=self.port, folder=folder, user=user, extra=extra)
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-c", str(self._config)], stdout=log, stderr=log
            )
        wait_for(lambda: b"running" in self._log.read_bytes(), "mosquitto runs")

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            self._process.wait(10)
            self._log.unlink()
            self._process = None

    def freeze(self) -> None:
        """It holds its connections and says nothing, until it is stopped."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
