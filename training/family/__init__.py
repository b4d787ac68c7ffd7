"""Training for the track `family`: cleaning a collection, features, heads, submissions."""
