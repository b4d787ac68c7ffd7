"""Images of any kind brought to RGB, and to a square: the same in training and in serving."""
