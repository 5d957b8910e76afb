"""Members and campaigns: who takes part, and out of which budget they are awarded."""
