"""The PSF panels: a generator and its fields, from the image, from beads, by channel."""
