"""The book of points as other slices use it: posting, accounts, sweeps, seals, and the check."""
