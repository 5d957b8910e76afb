"""Score sheets filled in for a subject and a year, and closed as a signed record."""
