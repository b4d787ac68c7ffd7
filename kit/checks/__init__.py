"""`kit check`: what would make an upload fail, found before the upload. One topic a module."""
