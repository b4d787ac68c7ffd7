"""Train submissions of the track `family`: photographs of rare species into families."""
