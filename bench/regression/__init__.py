"""`bench-compare`: has training become slower? Two revisions, side by side, pair by pair."""
