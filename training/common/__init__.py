"""What the training of every track uses."""
