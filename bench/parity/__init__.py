"""Whether an implementation computes what it should: the ladder, and the gate before a ranking."""
