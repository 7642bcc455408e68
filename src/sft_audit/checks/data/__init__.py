"""Checks of an SFT data set."""
