"""A sample of real pictures with masks: what is measured keeps as near as when it was chosen.

The floors are four fifths of what the half of the pictures gives by which the settings were chosen
(`python -m tests.quantify --choose`), and the sample is of that half; the other one only reports.
"""

from pathlib import Path

import numpy as np
import pytest

from tests.quantify import real
from tests.quantify.score import by_class, ours, scores

pytestmark = [pytest.mark.integration, pytest.mark.data]
EVERY = 2
CHOSEN_BY = {
    "inclusion": (0.49, 0.02),
    "patches": (0.48, -0.32),
    "scratches": (0.71, 0.00),
}
"""Of all pictures of that half: mean IoU, and the median of the area's relative error."""


def test_iou_and_area_are_what_the_settings_were_chosen_for(real_data: Path) -> None:
    cases = list(real.masks(real_data, "choose", from_boxes=True))
    found = by_class(scores(cases[::EVERY], ours))
    assert found.keys() == CHOSEN_BY.keys()
    for name, (iou, error) in CHOSEN_BY.items():
        assert np.mean([one.iou for one in found[name]]) > 0.8 * iou, name
        assert abs(np.median([one.area_error for one in found[name]]) - error) < 0.2, name
