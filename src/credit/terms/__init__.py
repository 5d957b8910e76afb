"""Terms (期限): what somebody has to do until a day, and what happens when it is late."""
