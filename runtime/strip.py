"""Where the strip lies in a picture: the same rule for the line and for cutting training tiles.

Off the strip a line camera sees the dark pit below it. The strip's edges are the outermost columns
whose brightness reaches a share of the bright columns': scanning from outside inward, a dark defect
in the middle of the strip cannot be taken for an edge. On real frames the pit lies at 0.04 to 0.26
of the strip's brightness, an unevenly lit strip falls to 0.37 at its darkest column.
"""

import cv2
import numpy as np
import numpy.typing as npt

from contract.tiles import Span

EDGE_SHARE = 0.32
ROW_STEP = 16
SMOOTH_COLUMNS = 7
BLACK = 1.0
"""Mean grey below which nothing is to be seen, neither strip nor pit."""


def detect_columns(pixels: npt.NDArray[np.uint8]) -> Span | None:
    """The strip's columns in a picture (U8 `h x w`, any view); None in a black picture."""
    profile = pixels[::ROW_STEP].mean(axis=0, dtype=np.float32)
    profile = cv2.blur(profile[None, :], (SMOOTH_COLUMNS, 1))[0]
    bright = np.flatnonzero(profile >= max(BLACK, EDGE_SHARE * float(np.percentile(profile, 90))))
    return Span(int(bright[0]), int(bright[-1]) + 1) if len(bright) else None
