"""Track `hybrid`: find the hybrids among subspecies."""
