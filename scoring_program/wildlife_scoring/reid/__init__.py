"""Track `reid`: which individual, or a new one."""
