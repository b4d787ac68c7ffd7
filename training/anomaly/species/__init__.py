"""How unlike the known species an animal is: features, measures, validation."""
