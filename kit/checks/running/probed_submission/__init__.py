"""What the process of a probe does; imports nothing of the kit."""
