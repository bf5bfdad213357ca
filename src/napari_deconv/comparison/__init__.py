"""Several configured methods on one image, with the numbers that tell them apart; no Qt here."""
