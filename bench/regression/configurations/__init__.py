"""`bench-compare CONFIGURATION CONFIGURATION...`: which one trains fastest, and by how much?"""
