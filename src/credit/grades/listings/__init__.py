"""Published red and black list entries, as answers about grades carry them."""
