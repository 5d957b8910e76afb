"""Rule packs: load, check, evaluate, trace; `packs/` holds the data."""
