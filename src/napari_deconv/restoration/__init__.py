"""Methods: successive estimates of what was there before the blur. One file each."""
