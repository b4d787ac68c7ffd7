"""Checks that read a submission's files and run nothing."""
