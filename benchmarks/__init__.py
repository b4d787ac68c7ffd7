"""What is fast, measured next to a stated baseline; and the stored scores."""
