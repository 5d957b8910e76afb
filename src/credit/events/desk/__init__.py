"""The desk (待办) of events: what waits at which stage of its course, and how much."""
