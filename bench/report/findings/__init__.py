"""What the runs show, as data and as sentences.

| module | contents |
| --- | --- |
| finding | a finding as data |
| findings | all findings of a report, from `speed`, `accuracy`, `machine` and `sweep` |
| headline, tiles | the answers at the top of the page |
"""
