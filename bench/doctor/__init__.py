"""`bench-doctor`: is this machine, or a cluster, fit to measure on?

| module | contents |
| --- | --- |
| command | arguments, and what is printed |
| checks | the checks of this machine |
"""
