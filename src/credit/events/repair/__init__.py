"""Repair (信用修复) of effective bad facts: application, acceptance, decision."""
