"""A bundle at work: cut and scale, inference backends, golden check."""
