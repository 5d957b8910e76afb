"""Red and black lists (红黑名单), periodic boards (红黑榜), joint measures and award gates."""
