"""`bench-export`: the records of sweeps as files of other tools.

| module | contents |
| --- | --- |
| command | arguments, tools, the folder of the result |
| contents | what is exported of a record |
| to_tensorboard, hparams | event files, and the table of the HParams dashboard |
| to_mlflow | an experiment in a SQLite database |
| to_wandb | offline runs |
"""
