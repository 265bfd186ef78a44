"""`bench-compare --record` and `--against-history`: the recorded history of speed."""
