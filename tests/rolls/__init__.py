"""How soon a roll mark is told from clutter, and how often clutter is taken for one."""
