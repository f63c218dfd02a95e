"""The table of marked defects: written for a recording's frames, read by training and export."""

BOXES = "boxes.csv"
"""What it marks is all there is: a frame without a box counts as clean strip."""
UNMARKED = "unmarked.csv"
"""The same before somebody has marked it; nobody reads it."""
