"""Bid evaluators' questions as people ask them: a list of bidders read, answers kept and checked."""
