"""Records as DataFrames, and the comparisons that are computed from them.

| module | contents |
| --- | --- |
| analysis | the frames that all parts of a report are computed from |
| runs | one row per run, one row per epoch |
| dataframes | conditions, cases and the best learning rates: what runs are grouped by |
| display_names | labels of implementations, settings and machines |
| comparison | one row per condition and implementation: rank, ratio, time to an accuracy |
| pairs, accuracy_pairs | ratios of speed and differences in accuracy, with intervals |
| swept | the comparison over each setting that varies |
"""
