"""The `bench` command: schedule and launch runs, show progress."""
