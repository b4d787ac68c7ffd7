"""`kit report`: one self-contained page about a run, or about several runs of one task."""
