"""Compare what a submission predicts and scores with what is stored: `kit compare`."""
