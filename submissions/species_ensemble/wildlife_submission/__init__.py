"""What a submission of any track needs before its method begins."""
