"""What a check found: codes, severities, what to do, and how it is printed."""
