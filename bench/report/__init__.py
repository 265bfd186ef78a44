"""From records to tables, charts and pages; needs no training framework.

A document consists of blocks: text, tables, figures. Markdown and HTML are made from the same
document. A chart is one Vega-Lite specification, interactive in the page and static in files.

| module | contents |
| --- | --- |
| command | `bench-report`: arguments and files |
| dataframes | records as DataFrames; conditions; the best learning rate |
| display_names | labels of implementations, settings and machines |
| analysis | the comparison, one row per condition and implementation |
| ranking, time_to_target | its columns of ranks, and of time to an accuracy |
| pairs, accuracy_pairs | ratios of speed and differences in accuracy, with intervals |
| finding, findings, headline | a finding as data; all findings; the sentence for all |
| speed_findings, accuracy_findings, sweep_summary | the findings by question |
| tiles | the tiles at the top of the page |
| findings_file | findings.json |
| blocks | text, tables and figures, without a format |
| document | the sections of a report |
| tables, fairness | the tables of a report |
| chart_data, swept | the rows of the charts |
| charts, vega | the charts, their specifications |
| figures, data_pictures | the files of charts; pictures of images and confusion matrices |
| repeat_command | the command that repeats a run |
| markdown_report, html_report, terminal_report | the formats |
| history_page | history.html: speed over commits |
"""
