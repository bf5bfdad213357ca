"""The Degrade panel, and data sets made with it."""
