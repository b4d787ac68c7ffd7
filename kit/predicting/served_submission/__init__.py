"""What runs in the process of a submission; kit/predicting/server.py is its program.

Nothing of the kit is imported, so that the submission sees what an organiser's program would let it
see. The modules import each other by relative names: in that process the package has no parent.
"""
