"""Fourier transforms, edges, gradients and noise: what images are computed with."""
