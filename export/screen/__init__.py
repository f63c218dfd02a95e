"""The screen's threshold, from frames with marked defects: calibrated, bounded, checked, drawn."""
