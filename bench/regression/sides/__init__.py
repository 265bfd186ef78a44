"""The sides of a comparison: their code, their libraries and their processes."""
