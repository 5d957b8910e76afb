"""Synthetic demo cities, made from a fixed seed through the same services as real data."""
