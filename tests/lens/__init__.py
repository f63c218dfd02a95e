"""What fog, a lens out of focus, drops and hands do to pictures, and how much of it is seen."""
