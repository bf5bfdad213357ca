"""The Train panel: a network for the person's own PSF, camera and images."""
