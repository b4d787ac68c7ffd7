"""Wing masks: a teacher, the network that learns from it, and its use."""
