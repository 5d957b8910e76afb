"""Offers: proposed, opened, shown to everybody; and their uses, of which some come to nothing."""
