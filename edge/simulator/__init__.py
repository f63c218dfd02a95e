"""A simulated mill: strip, defects with ground truth, coils. NumPy and OpenCV only."""
