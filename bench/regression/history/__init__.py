"""The recorded history of training speed.

- `recording`: `--record` and `--against-history` of one commit; `backfill`: of a range A..B.
- `earlier`: the entries before a commit, and the reference.
- `tracking`: compare a commit with the reference and with those entries; make its entries.
"""
