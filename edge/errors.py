"""Every error of the line, each with its exit code.

    contract.errors.StripSightError      1
    +-- ConfigError                      2   config, command line, image folder
    +-- BundleError, ParityError         3
    +-- SourceError                      4   the camera or what stands for it
    |   +-- SourceTimeoutError           4   no frame in time; the source is still there
    |   +-- SourceLostError              4   the source is gone and must be reopened
    |   +-- SourceEndedError             4   a source with an end has reached it (not a fault)
    +-- LedgerError                      5   the event log cannot be read or written
    |   +-- LedgerFullError              5   no room on its disk
    +-- ReceiverError                    6   a receiver refuses or cannot be reached
    +-- EngineError                      7   the network's backend failed while it worked
    +-- ReplayError                      8   a replay does not give what the live run gave

Vendors' exceptions are caught only in their adapter and raised `from`. A second, unrelated fault is
a bug: exit code 1.
"""

from contract.errors import BundleError, ConfigError, ParityError, StripSightError


class SourceError(StripSightError):
    """The camera, or what stands for it, does not deliver."""

    exit_code = 4


class SourceTimeoutError(SourceError):
    """No frame within the time asked for; reading again is right."""


class SourceLostError(SourceError):
    """The source is gone; it must be closed and opened again."""


class SourceEndedError(SourceError):
    """A source that has an end (a folder, a simulated coil) has reached it."""


class LedgerError(StripSightError):
    """The event log cannot be read or written."""

    exit_code = 5


class LedgerFullError(LedgerError):
    """The event log's disk has no room."""


class ReceiverError(StripSightError):
    """A receiver of events refuses them or cannot be reached; delivery is tried again."""

    exit_code = 6


class EngineError(StripSightError):
    """The network's backend failed while it worked, though the bundle had passed its check; another
    start is right.
    """

    exit_code = 7


class ReplayError(StripSightError):
    """A replay gives other events than the live run, or nothing of it can be compared."""

    exit_code = 8


__all__ = [
    "BundleError",
    "ConfigError",
    "EngineError",
    "LedgerError",
    "LedgerFullError",
    "ParityError",
    "ReceiverError",
    "ReplayError",
    "SourceEndedError",
    "SourceError",
    "SourceLostError",
    "SourceTimeoutError",
    "StripSightError",
]
