"""Filters that find the dirt of a scraped collection, a module for each."""
