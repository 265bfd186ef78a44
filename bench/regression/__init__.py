"""`bench-compare`: two revisions train in turns, pair by pair. Has training become slower?

- `command`, `arguments`, `checks`, `exit_statuses`: the command and its options.
- `comparison`: one comparison, from the checkout of both revisions to the exit status.
- `repository`, `checkout`: find the project's git repository, and copy a revision or folder.
- `cases`: what is trained, and the files that both sides read.
- `side_main`, `side_process`: the program of a side, and its process seen from here.
- `requirements`: environments with other libraries.
- `metrics`: what is compared: the time of a step, memory, and so on.
- `pairs`, `pair_record`: measure one pair of processes; its readings.
- `session`, `budget`: measure pairs until every case has an answer, or the budget is used up.
- `outcome`: the result of each case, and the exit status.
- `earlier`, `tracking`, `recording`, `backfill`: the recorded history of speed.
- `configurations`, `candidates`, `rounds`, `one_round`, `group_results`: configurations in turns.
- `progress`, `output`, `remarks`, `drawing`, `dashboards`: what is shown and written.
- `signals`: handling of Ctrl-C and of termination.
- `calibration`: the error rates of all this, and what a machine finds.
"""
