"""Sample migration: a CycleGAN turns defects of one line into the look of another (Zhu et al., ICCV
2017), where the other line has too few of its own.

`networks` and `losses` are pure torch; `task` is one step, `data` what it sees, `fit` the whole
run; `provenance` is what the migrated images say of where they come from, `quality` what they are
worth.
"""
