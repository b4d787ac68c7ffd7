"""How programs are run: as a process, in bubblewrap, or in the worker's own containers."""
