"""Training and measuring the detector of animals (training/anomaly/train_detector.py)."""
