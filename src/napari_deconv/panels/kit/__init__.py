"""Parts that all rooms share: forms, layer combos, the run bar and its job, preview, plots."""
