"""The root of every error that we raise, each kind with the exit code its command ends with.

    StripSightError            1   a fault of ours
    +-- ConfigError            2   what the user wrote: a config, a command line, an image folder
    +-- BundleError            3   a bundle that is missing, changed, or does not fit
    |   +-- ParityError        3   a bundle whose numbers differ from its golden tiles

`edge.errors` adds the errors of the line below the same root.
"""


class StripSightError(Exception):
    """Base: its text names the thing that is wrong and the cure; shown without a stack trace."""

    exit_code = 1


class ConfigError(StripSightError):
    """The user's own input is wrong."""

    exit_code = 2


class BundleError(StripSightError):
    """A bundle is missing, changed, of another format, or does not fit its use."""

    exit_code = 3


class ParityError(BundleError):
    """A network's outputs differ from the golden ones by more than the limits fixed beforehand."""
