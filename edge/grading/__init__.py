"""Severity of a defect and grade of a coil, by rules that a quality engineer writes.

Everything here that decides is a pure function of the rules and of what events say, so that the
same events give the same grade on the line, in a replay, and years later from the ledger.
"""
