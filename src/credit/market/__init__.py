"""The market: merchants, their offers, redemptions, settlements, and what merchants are told."""
