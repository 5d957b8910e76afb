"""What officers look at around grades: enterprises with their trend, one enterprise whole, runs."""
