"""Networks with public ImageNet weights, and what training changed in them."""
