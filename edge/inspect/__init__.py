"""From a frame to defects and outcomes: strip, cut, classify, decide, account."""
