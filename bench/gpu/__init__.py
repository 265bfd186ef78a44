"""`make gpu`: measure the GPU of a machine in a limited time, without a network.

| module | content |
|---|---|
| __main__ | the command line, and which Python packages are missing |
| session | the commands that are run one after the other, each with a limit of time |
| table | the table of the records |
"""
