"""The Compare panel: methods side by side on one layer."""
