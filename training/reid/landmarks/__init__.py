"""The network that finds an animal's landmarks, with which images are aligned."""
