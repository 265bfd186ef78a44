"""Figures of runs in matplotlib, for scripts and notebooks: `bench.plot`.

Each function takes the folder of a sweep, records, or a frame of `bench.load_runs` or
`bench.load_curves`, and returns the axes that it drew on: those given as `ax`, or new ones of
pyplot. Implementations have the colours of the report. No setting of matplotlib is changed.
"""

from bench.plot.bars import learning_rates, speed
from bench.plot.curves import loss_curves
from bench.plot.pictures import confusion_matrix, predictions

__all__ = ["confusion_matrix", "learning_rates", "loss_curves", "predictions", "speed"]
