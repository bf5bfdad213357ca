"""Trained networks as methods, one file each, over one base class."""
