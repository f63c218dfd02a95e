"""Real images composed to frames, played by Basler's emulation, through the daemon."""
