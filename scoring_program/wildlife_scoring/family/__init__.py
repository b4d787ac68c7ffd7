"""Track `family`: which family does the animal belong to?"""
