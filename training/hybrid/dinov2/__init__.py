"""Backbone and heads of dinov2_ensemble."""
