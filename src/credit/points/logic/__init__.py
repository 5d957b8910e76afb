"""What of the book of points needs no database: operations, and their keys."""
