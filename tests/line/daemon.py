"""The daemon's own processes, started from a config and stopped by SIGTERM."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from prometheus_client.parser import text_string_to_metric_families

from edge.control import Request, ask
from edge.errors import ReceiverError
from edge.ledger.reader import EventReader
from tests.conftest import ROOT
from tests.waiting import free_port, wait_for

PROGRAM = ("edge.cli",)
"""The module to run, and what stands before its command."""
START_S = 90.0
STOP_S = 60.0


def write_config(folder: Path, sections: Mapping[str, Any]) -> Path:
    """A config of one line in `folder`, on free ports, ledger and sockets beside it."""
    config = {
        "site": "mill",
        "line": "line-1",
        "camera": "top",
        "optics": {"mm_per_px_along": 0.5, "mm_per_px_across": 0.5},
        "position": {"kind": "lines"},
        "ledger": {"path": "ledger"},
        "run_path": "run",
        "console": {"enabled": False, "port": free_port()},
        "metrics": {"inspect_port": free_port(), "courier_port": free_port()},
        **sections,
    }
    path = folder / "line.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


class Daemon:
    """`stripsight-edge COMMAND --config FILE` as a child; the context ends it by SIGTERM."""

    def __init__(
        self,
        config: Path,
        command: str = "run",
        *arguments: str,
        program: Sequence[str] = PROGRAM,
        output: Path | None = None,
    ) -> None:
        """Standard output goes to the log too, if it is given no other file."""
        self.config = config
        self.settings = yaml.safe_load(config.read_text())
        self.log = config.with_suffix(f".{command}.log")
        self._command = [
            sys.executable, "-m", *program, command, "--config", str(config), *arguments,
        ]  # fmt: skip
        self._output = output
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        code = self.stop()
        if kind is None:
            assert code == 0, self.log.read_text()

    def start(self) -> None:
        with self.log.open("ab") as log, (self._output or self.log).open("ab") as out:
            self.process = subprocess.Popen(self._command, cwd=ROOT, stdout=out, stderr=log)

    def wait_until_inspecting(self) -> None:
        """Return when the strip is being inspected; fail with the log when it ended instead."""
        wait_for(self._inspecting_or_over, "the daemon inspects", START_S)
        assert self.running, self.log.read_text()

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def status(self) -> dict[str, Any]:
        """What the control socket says; empty when nobody answers."""
        try:
            return dict(ask(self.config.parent / "run", Request(action="status", by="test")).result)
        except ReceiverError:
            return {}

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(STOP_S)

    def end_by(self, how: signal.Signals) -> int:
        """Send a signal, to whatever state it is in; returns the exit code."""
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(STOP_S)

    def pid_of(self, name: str) -> int:
        """The process that the supervisor runs for a command, as long as it runs."""
        for pid in self.children():
            if name.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                return pid
        raise LookupError(name)

    def kill_child(self, name: str) -> None:
        """SIGKILL for a process of the supervisor's; returns when it is gone."""
        pid = self.pid_of(name)
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: pid not in self.children(), f"{name} is gone")

    def children(self) -> list[int]:
        """The processes that the supervisor runs now."""
        assert self.process is not None
        own = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in own.read_text().split()]

    def wait(self, timeout_s: float = START_S) -> int:
        """The exit code, once it ends by itself."""
        assert self.process is not None
        return self.process.wait(timeout_s)

    def reader(self) -> EventReader:
        return EventReader(self.config.parent / self.settings["ledger"]["path"])

    def metrics(self, port_key: str = "inspect_port") -> dict[str, float]:
        """All samples of one process by `name{label="value"}`; empty when it does not answer."""
        url = f"http://127.0.0.1:{self.settings['metrics'][port_key]}/metrics"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                text = answer.read().decode()
        except (urllib.error.URLError, OSError):
            return {}
        samples = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = ",".join(f'{k}="{v}"' for k, v in sorted(sample.labels.items()))
                samples[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
        return samples

    def _inspecting_or_over(self) -> bool:
        return not self.running or bool(self.status().get("source_up"))
