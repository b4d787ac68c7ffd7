"""Animals in the frames of fixed cameras: found, cut out, and compared with known species."""
