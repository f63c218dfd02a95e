"""Where frames come from: one adapter per kind of source, position, coils."""
