"""`bench-compare`: two revisions train in turns, pair by pair. Has training become slower?

- `command`, `arguments`, `settings`, `exit_statuses`: the command and its options.
- `cases`, `metrics`: what is trained and compared.
- `sides/`: the code, the libraries and the processes of the sides.
- `comparison`, `session`, `budget`: compare two revisions until every case has an answer.
- `pairs`, `pair_record`: measure one pair of processes; its readings.
- `outcome`: the result of each case, and the exit status.
- `output/`: what is shown and written.
- `configurations/`: configurations against each other.
- `bisection/`: which commit made training slower.
- `history/`: the recorded history of speed.
- `power`, `calibration/`: what a machine finds, and the error rates of all this.
"""
