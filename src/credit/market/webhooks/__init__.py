"""Webhooks: where merchants are told what happened to their redemptions, and how it went."""
