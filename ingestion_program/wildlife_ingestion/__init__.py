"""The ingestion program: a submission's predictions for every image of a folder."""
