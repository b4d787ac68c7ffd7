"""`kit predict` and `kit merge`: a submission over many images, in shards that are done once."""
