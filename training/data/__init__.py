"""Image tables and downloads."""
