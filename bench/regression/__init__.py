"""`bench-compare`: two revisions train in turns, pair by pair. Has training become slower?

- `command`, `arguments`, `checks`, `exit_statuses`: the command and its options.
- `comparison`: one comparison, from the checkout of both revisions to the exit status.
- `repository`, `checkout`: find the project's git repository, and copy a revision or folder.
- `cases`: what is trained, and the files that both sides read.
- `side_main`, `side_process`: the program of a side, and its process seen from here.
- `pairs`: measure one pair of processes.
- `session`: measure pairs until every case has an answer.
- `outcome`: the result of each case, and the exit status.
- `earlier`, `tracking`, `recording`, `backfill`: the recorded history of speed.
- `output`, `dashboards`: table and files.
- `signals`: handling of Ctrl-C and of termination.
- `calibration`: the error rates of all this, and what a machine finds.
"""
