"""Which bundle inspects: verification at load and the hot swap."""
