"""Clean tiles from real frames, and whether a network tells defects or data sets apart."""
