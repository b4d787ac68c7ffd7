"""Checks that run a submission in a process of its own."""
