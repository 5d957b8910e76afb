"""The market's decisions: hours, offers, redemptions, settlements, and what merchants are told."""
