"""Images into families of animals, with what a phylum rules out."""
