"""Districts' answers to grade runs, as they are kept."""
