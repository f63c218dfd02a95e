"""The command as it was typed, for those who ask later how something was made."""

import sys

from contract.errors import ConfigError


def command_line(program: str) -> tuple[str, ...]:
    """The program's name and the words after it.

    Raises:
        ConfigError: a word that no text file can keep, such as a path that is no UTF-8.
    """
    for word in sys.argv[1:]:
        try:
            word.encode()
        except UnicodeEncodeError as error:
            raise ConfigError(f"{word!r}: is no UTF-8; rename that file or folder") from error
    return (program, *sys.argv[1:])
