"""Duties of contracts: made for each period, reported, answered, disputed, inspected."""
