"""`stripsight-edge` whose supervisor waits no longer than 0.2 s before it starts a process again
that keeps ending, so that an hour has room for a thousand ends: `python -m tests.drills.impatient
COMMAND...`.
"""

from edge import supervisor
from edge.cli import main

PROGRAM = ("tests.drills.impatient",)

if __name__ == "__main__":
    supervisor.LONGEST_PAUSE_S = 0.2
    main()
