"""Lists of contracts and duties as pages show them: by division, by party, for everybody."""
