"""Local features: key points, their matches, and a gallery of them."""
