"""Merchants: proposed by one person, admitted by another, and looked at by all who answer for them."""
