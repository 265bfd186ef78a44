"""From records to tables, charts and pages; needs no training framework.

Imports run downwards in this table, from the last row to the first.

| package | contents |
| --- | --- |
| frames | records as DataFrames; the comparison; ratios and differences with intervals |
| findings | what the runs show, as data and as sentences: findings, headline, tiles |
| contents | blocks without a format; the tables and sections of a report |
| charts | the charts, their rows, specifications and files; pictures of data |
| pages | the formats: HTML, Markdown, terminal, CSV and JSON |

`command` is `bench-report`; `answer` is the headline for the end of a sweep.
"""
