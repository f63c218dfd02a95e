"""The study behind docs/quantification.md: `python -m tests.quantify`."""
