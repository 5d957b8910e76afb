"""The market as other slices use it."""
