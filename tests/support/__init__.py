"""Builders and fixtures that tests share."""
