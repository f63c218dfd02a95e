"""A real mosquitto on a free port that can be stopped and started, keeping its sessions."""

import subprocess
from pathlib import Path

from tests.conftest import require_program
from tests.waiting import free_port, wait_for

CONFIG = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
max_queued_messages 0
user root
"""


class Broker:
    """One mosquitto; `port` stays the same over restarts."""

    def __init__(self, folder: Path) -> None:
        self._program = require_program("mosquitto")
        self.port = free_port()
        self._log = folder / "mosquitto.log"
        self._config = folder / "mosquitto.conf"
        folder.mkdir(parents=True, exist_ok=True)
        self._config.write_text(CONFIG.format(port=self.port, folder=folder))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-c", str(self._config)], stdout=log, stderr=log
            )
        wait_for(lambda: b"running" in self._log.read_bytes(), "mosquitto runs")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._log.unlink()
            self._process = None
