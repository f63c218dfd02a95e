"""How figures and foreign words are written for people."""

from collections.abc import Collection, Sequence


def percent(share: float) -> str:
    """Never rounded up to 100 %."""
    return "100 %" if share == 1 else f"{min(share * 100, 99.99):.2f} %"


def printable(text: str) -> str:
    """Control characters escaped: what others wrote ends no line and colours no terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def columns(rows: Sequence[Sequence[str]], numbers: Collection[int] = ()) -> list[str]:
    """A line per row, its cells as wide as the widest of their column; those of columns of numbers
    stand to the right.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if i in numbers else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
