"""False alarms beside recall: what the line would report of tiles with and without defects."""

from typing import NamedTuple

import numpy as np

from training.operating import Floats, Ints, Rule, reported


class Alarms(NamedTuple):
    """Counted tiles. A clean one that is reported is a false alarm; a defective one counts as
    reported under whatever name.
    """

    clean: int
    false_alarms: int
    defective: int
    reported: int

    @property
    def per_1000(self) -> float:
        """False alarms per 1,000 clean tiles; NaN without any."""
        return 1000 * self.false_alarms / self.clean if self.clean else float("nan")


def count_alarms(truth: Ints, probabilities: Floats, rule: Rule) -> Alarms:
    """Apply the line's rule to tiles of known class (`N`) and their probabilities (`N x C`)."""
    is_clean = np.isin(truth, rule.classes.clean_indices)
    alarm = reported(probabilities, *rule) >= 0
    counts = (is_clean, is_clean & alarm, ~is_clean, ~is_clean & alarm)
    return Alarms(*(int(np.count_nonzero(chosen)) for chosen in counts))


def alarm_lines(alarms: Alarms) -> str:
    """The same to read; empty without clean tiles."""
    if not alarms.clean:
        return ""
    of = f"({alarms.false_alarms} of {alarms.clean})"
    lines = [f"false alarms: {alarms.per_1000:.1f} per 1,000 clean tiles {of}"]
    if alarms.defective:
        share = 100 * alarms.reported / alarms.defective
        lines.append(
            f"defects reported: {share:.2f} % ({alarms.reported} of {alarms.defective}), whatever"
            " their name"
        )
    return "\n".join([*lines, "at the run's thresholds, as the line decides", ""])
