"""Stretches that were not inspected, told a second at a time, as one where one goes on."""

from contract.bodies import NotInspected

_SAME_PLACE_M = 1e-6


def join(stretches: list[NotInspected], body: NotInspected) -> None:
    """Append a stretch, or lengthen the last one when this goes on where that ends."""
    last = stretches[-1] if stretches else None
    if last is None or not _continues(last, body):
        stretches.append(body)
        return
    extent = last.extent.model_copy(update={"to_m": body.extent.to_m})
    cells = last.cells + body.cells
    stretches[-1] = last.model_copy(update={"extent": extent, "cells": cells})


def label(stretch: NotInspected) -> str:
    """What became of it and why, for people: `lost (restart)`; `late` needs no why."""
    return f"{stretch.outcome} ({stretch.reason})" if stretch.reason else stretch.outcome


def _continues(last: NotInspected, body: NotInspected) -> bool:
    return (
        (last.outcome, last.reason) == (body.outcome, body.reason)
        and (last.extent.from_mm, last.extent.to_mm) == (body.extent.from_mm, body.extent.to_mm)
        and abs(body.extent.from_m - last.extent.to_m) < _SAME_PLACE_M
    )
