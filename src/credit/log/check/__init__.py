"""The log checked against itself: what `credit log fsck` does."""
