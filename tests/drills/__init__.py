"""Failure drills: a daemon is hurt while it inspects a strip whose defects are known.

`tests/integration/line/test_drills.py` runs each once, `make soak` all of them for hours.
"""
