"""What the stages agree on: words and geometry. Imports nothing else of ours.

`classes` names the defects, `tiles` is the geometry of a tile and of the strip's lattice of cells,
`card` and `bundle` are a trained network on disk, `events` is what the mill receives, `errors` the
root of every error we raise.
"""
