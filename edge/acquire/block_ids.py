"""What the numbers of a camera's frames tell of those that never arrived."""

NO_BLOCK_ID = 2**64 - 1
_LAST_16_BIT_ID = 65535


class BlockIds:
    """Finds the frames that a camera sent and this host never saw.

    Block ids count up by one. GigE Vision 1.x has 16 bits of them and goes from 65535 to 1 (0 is
    not used); a step back that is no such wrap is a counter that was reset, and tells nothing.
    """

    def __init__(self) -> None:
        self._last: int | None = None

    def missed(self, block_id: int) -> int:
        """Ids left out since the one before; 0 for the first, or a camera without ids."""
        if block_id == NO_BLOCK_ID:
            return 0
        last, self._last = self._last, block_id
        if last is None:
            return 0
        if block_id > last:
            return block_id - last - 1
        wrapped = _LAST_16_BIT_ID - last + block_id - 1
        return wrapped if 0 <= wrapped <= _LAST_16_BIT_ID // 2 and block_id > 0 else 0
