"""The Deconvolve panel, and one panel for each network."""
