"""What an owners' committee sees of its own project: facts, evaluations, who managed it."""
