"""`bench-compare --bisect GOOD [BAD]`: which commit made training slower?"""
