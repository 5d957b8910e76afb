"""Credit events: proposed by one person, decided by another, then a record in the log."""
