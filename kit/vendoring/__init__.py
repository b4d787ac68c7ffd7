"""Shared packages: which a submission imports, its copies of them, and their record."""
