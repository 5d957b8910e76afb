"""Prints of contracts that parties sign with certificates of their own (PAdES)."""
