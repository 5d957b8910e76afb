"""Credit service for property-management associations."""
