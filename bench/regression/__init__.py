"""`bench-compare`: two revisions train in turns, pair by pair. Has training become slower?

- `command`, `arguments`: the command and its options.
- `comparison`: one comparison, from the checkout of both revisions to the exit status.
- `repository`, `checkout`: find the project's git repository, and copy a revision or folder.
- `cases`: what is trained, and the files that both sides read.
- `side_main`, `side_process`: the program of a side, and its process seen from here.
- `pairs`: measure one pair of processes.
- `session`: measure pairs until every case has an answer.
- `outcome`: the result of each case, and the exit status.
- `tracking`: comparisons with the recorded history.
- `output`: progress, table and files.
- `signals`: handling of Ctrl-C and of termination.
- `calibration`: the error rates of all this.
"""
