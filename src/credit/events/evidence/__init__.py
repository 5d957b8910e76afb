"""Evidence files: what was uploaded, and by which side."""
