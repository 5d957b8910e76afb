"""The signed, append-only log: records, keys, tree, tiles, checkpoints, proofs."""
