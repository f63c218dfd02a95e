"""A real Chromium, driven through chromedriver's own HTTP interface (W3C WebDriver)."""

import base64
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.waiting import answers, free_port, wait_for

_ARGUMENTS = (
    "--headless=new",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


class Browser:
    """One window. All names but 127.0.0.1 are unresolvable in it, as on a line without internet."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._http = httpx.Client(base_url=f"{session}/", timeout=30, trust_env=False)

    def open(self, url: str) -> None:
        self._post("url", url=url)

    def script(self, code: str) -> Any:  # noqa: ANN401 - whatever the page returns
        """Run JavaScript and return what it returns."""
        return self._post("execute/sync", script=code, args=[])

    def text(self, selector: str) -> str:
        """The text of the first element that matches, or nothing."""
        return str(self.script(f"return document.querySelector({selector!r})?.innerText ?? ''"))

    def wait(self, condition: str, timeout_s: float = 20) -> None:
        """Wait until a JavaScript expression is true."""
        wait_for(lambda: bool(self.script(f"return Boolean({condition})")), condition, timeout_s)

    def view(self, width: int, height: int, scheme: str = "light", media: str = "") -> None:
        """Size of the window in CSS pixels, the colour scheme that the system asks for, and the
        medium: `print`, or nothing for the screen.
        """
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._devtools("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._devtools("Emulation.setEmulatedMedia", {"media": media, "features": features})

    def pdf(self) -> bytes:
        """The page as it prints, on the paper that its style sheet asks for."""
        options = {"preferCSSPageSize": True, "printBackground": True}
        printed = self._devtools("Page.printToPDF", options)
        return base64.b64decode(printed["data"])

    def complaints(self) -> list[str]:
        """What the console has said since the last call: errors, and what a policy forbade."""
        return [entry["message"] for entry in self._post("se/log", type="browser")]

    def screenshot(self, path: Path) -> None:
        answer = self._http.get("screenshot").raise_for_status()
        path.write_bytes(base64.b64decode(answer.json()["value"]))

    def close(self) -> None:
        self._http.delete(self._session).raise_for_status()
        self._http.close()

    def _devtools(self, command: str, parameters: Mapping[str, object]) -> Any:  # noqa: ANN401
        return self._post("goog/cdp/execute", cmd=command, params=parameters)

    def _post(self, path: str, **body: object) -> Any:  # noqa: ANN401 - WebDriver's own shapes
        answer = self._http.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()["value"]


@contextmanager
def started(chromedriver: str, chromium: str, folder: Path) -> Iterator[Browser]:
    """A browser with a profile of its own."""
    port = free_port()
    with (folder / "chromedriver.log").open("w") as log:
        driver = subprocess.Popen([chromedriver, f"--port={port}"], stdout=log, stderr=log)
        try:
            base = f"http://127.0.0.1:{port}"
            wait_for(lambda: answers(f"{base}/status"), "chromedriver answers")
            browser = Browser(_session(base, chromium, folder))
            try:
                yield browser
            finally:
                browser.close()
        finally:
            driver.terminate()
            driver.wait(10)


def _session(base: str, chromium: str, folder: Path) -> str:
    # Chromium's sandbox does not start for root, as whom a container's tests run.
    sandbox = () if os.geteuid() else ("--no-sandbox",)
    arguments = [*_ARGUMENTS, *sandbox, f"--user-data-dir={folder / 'profile'}"]
    options = {"binary": chromium, "args": arguments}
    wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
    answer = httpx.post(f"{base}/session", json=wanted, timeout=60, trust_env=False)
    assert answer.is_success, answer.text
    return f"{base}/session/{answer.json()['value']['sessionId']}"
