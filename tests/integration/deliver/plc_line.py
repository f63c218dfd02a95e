"""A ledger and a courier that writes the PLC block into a PLC's own server."""

import contextlib
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from edge.clock import SystemClock
from edge.config import load_config
from edge.deliver.plc_client import PlcReceiver
from edge.ledger.log import EventLog
from edge.metrics import CourierMetrics
from tests.integration.deliver.conftest import CourierProcess
from tests.unit.edge.ledger.making import SOURCE, SetClock, commit, defect
from tests.waiting import free_port


class PlcLine:
    """A line whose courier has a PLC; `log` stands for its inspecting process. The context ends
    the couriers that still run.
    """

    def __init__(self, folder: Path, endpoint: str, **plc: object) -> None:
        self.folder, self.config = folder, folder / "config.yaml"
        self.metrics_port = free_port()
        self.log = EventLog(folder / "ledger", SOURCE, SetClock(), folder / "run", reserve_bytes=0)
        self.log.open()
        self.defects = 0
        self._couriers: list[CourierProcess] = []
        self.plc = {"endpoint": endpoint, "security_policy": "None", "timeout_s": 1.0, **plc}
        self.deliver: dict[str, Any] = {"opcua_client": [self.plc]}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for courier in self._couriers:
            if courier.process.poll() is None:
                courier.kill()
        self.log.close()

    def receiver(self) -> PlcReceiver:
        """As a courier would make it for a PLC that is new."""
        self.write()
        config = load_config(self.config)
        (section,) = config.deliver.opcua_client
        return PlcReceiver(section, config, 0, CourierMetrics(CollectorRegistry()), SystemClock())

    def start(self) -> CourierProcess:
        self.write()
        self._couriers.append(CourierProcess(self))
        return self._couriers[-1]

    def write(self) -> None:
        self.config.write_text(
            yaml.safe_dump(
                {
                    "site": "mill", "line": "hot", "camera": "top", "bundle": "b",
                    "source": {"kind": "simulated"}, "position": {"kind": "lines"},
                    "optics": {"mm_per_px_along": 1, "mm_per_px_across": 1},
                    "coils": {"width_mm": 1200}, "run_path": "run", "ledger": {"path": "ledger"},
                    "metrics": {"courier_port": self.metrics_port}, "deliver": self.deliver,
                }
            )
        )  # fmt: skip

    def record(self, count: int) -> None:
        """So many more defects, each with its own number, ten to a commit."""
        names = [f"c-1/{self.defects + i + 1}" for i in range(count)]
        self.defects += count
        for start in range(0, count, 10):
            self.log.commit(commit(*(defect(name) for name in names[start : start + 10])))

    def metric(self, name: str) -> float:
        """One sample of the courier's; -1 while it does not answer."""
        url = f"http://127.0.0.1:{self.metrics_port}/metrics"
        with contextlib.suppress(urllib.error.URLError, OSError):
            with urllib.request.urlopen(url, timeout=5) as page:
                text = page.read().decode()
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    if sample.name == name:
                        return sample.value
        return -1.0
