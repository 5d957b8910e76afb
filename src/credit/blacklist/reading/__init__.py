"""What officers, partners and everybody read of lists."""
