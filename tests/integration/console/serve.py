"""The console as its own process: `python -m tests.integration.console.serve CONFIG`."""

import logging
import signal
import sys
import threading
from pathlib import Path

from edge.config import load_config
from edge.console.server import run_console
from edge.errors import StripSightError


def main() -> int:
    logging.basicConfig(level=logging.INFO)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        run_console(load_config(Path(sys.argv[1])), lambda: logging.info("ready"), stop)  # noqa: LOG015
    except StripSightError as error:
        logging.error("%s", error)  # noqa: LOG015, TRY400 - as the command line shows it
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
