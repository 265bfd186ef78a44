"""From records to tables, charts and pages; needs no training framework.

A document consists of blocks: text, tables, figures. Markdown and HTML are made from the same
document. A chart is one Vega-Lite specification, interactive in the page and static in files.

| module | contents |
| --- | --- |
| command, writing | `bench-report`: arguments; the files of a report |
| dataframes | records as DataFrames; conditions; the best learning rate |
| display_names | labels of implementations, settings and machines |
| analysis | the frames that all parts of a report are computed from |
| comparison | one row per condition and implementation: rank, ratio, time to an accuracy |
| pairs, accuracy_pairs | ratios of speed and differences in accuracy, with intervals |
| finding, findings | a finding as data; all findings |
| speed_findings, accuracy_findings, machine_findings, sweep_findings | findings by question |
| headline, tiles | the answers at the top of the page |
| answer | the headline for the end of a sweep |
| blocks | text, tables and figures, without a format |
| document | the sections of a report |
| comparison_table, tables, fairness | the tables of a report |
| chart_data, swept, history | the rows of the charts; speed over commits, also as history.html |
| chart, charts, vega | a chart; all charts; their specifications |
| figures, data_pictures | the files of charts; pictures of images and confusion matrices |
| repeat_command | the command that repeats a run |
| markdown_report, html_report, terminal_report | the formats |
"""
