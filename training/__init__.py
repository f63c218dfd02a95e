"""From image folders to a teacher, a student and their figures."""
