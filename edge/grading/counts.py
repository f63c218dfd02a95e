"""How many defects events tell of."""

from collections import Counter
from collections.abc import Iterable

from contract.bodies import Defect, DefectDensity, EventBody


def defects_in(bodies: Iterable[EventBody]) -> Counter[str]:
    """Defects by class that these announce for the first time, or tell as a number."""
    found: Counter[str] = Counter()
    for body in bodies:
        if isinstance(body, Defect) and body.revision == 1:
            found[body.class_name] += 1
        elif isinstance(body, DefectDensity):
            found[body.class_name] += body.count - body.told
    return found
