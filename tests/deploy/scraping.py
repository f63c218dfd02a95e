"""A real Prometheus that scrapes given targets, and the questions one may put to it."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.waiting import free_port, wait_for

SCRAPE_INTERVAL = "200ms"


class Prometheus:
    """A running server."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=10, trust_env=False)

    def query(self, promql: str) -> list[dict[str, Any]]:
        """The instant vector that an expression gives now.

        Raises:
            AssertionError: it does not parse.
        """
        answer = self._http.get("/api/v1/query", params={"query": promql})
        assert answer.is_success, f"{promql}: {answer.text}"
        vector = answer.json()["data"]["result"]
        assert isinstance(vector, list)
        return vector

    def ready(self) -> bool:
        try:
            return self._http.get("/-/ready").is_success
        except httpx.TransportError:
            return False

    def close(self) -> None:
        self._http.close()


@contextmanager
def prometheus_scraping(
    program: str, folder: Path, targets: Mapping[str, Mapping[str, str]]
) -> Iterator[Prometheus]:
    """Run Prometheus over `host:port` targets, each with its labels, until the block ends."""
    config = folder / "prometheus.yml"
    static = [{"targets": [t], "labels": dict(labels)} for t, labels in targets.items()]
    config.write_text(
        yaml.safe_dump({
            "global": {"scrape_interval": SCRAPE_INTERVAL, "scrape_timeout": SCRAPE_INTERVAL},
            "scrape_configs": [{"job_name": "stripsight", "static_configs": static}],
        })
    )  # fmt: skip
    address = f"127.0.0.1:{free_port()}"
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            [
                program, f"--config.file={config}", f"--web.listen-address={address}",
                f"--storage.tsdb.path={folder / 'data'}",
            ],
            stdout=log, stderr=log,
        )  # fmt: skip
    server = Prometheus(f"http://{address}")
    try:
        wait_for(server.ready, "Prometheus is ready")
        yield server
    finally:
        server.close()
        process.terminate()
        process.wait(20)
