"""Activities: announced, signed in at and out of, closed."""
