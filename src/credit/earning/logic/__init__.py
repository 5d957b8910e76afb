"""Earning as pure decisions: what participation is worth, and what somebody should look at."""
