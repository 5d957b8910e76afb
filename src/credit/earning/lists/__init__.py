"""Lists of participation: what waits for a decision, and what became of the rest."""
