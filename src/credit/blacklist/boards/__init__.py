"""Periodic red and black boards (红黑榜): a ranking by points of several sources, nobody's listing."""
