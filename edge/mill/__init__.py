"""What the mill tells of its coils, and which coil therefore lies where."""
