"""Measurements: `python -m bench` prints every figure of docs/benchmarks.md with its ratio."""
