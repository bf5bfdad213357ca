"""The panel that deblurs a photo with one button."""
