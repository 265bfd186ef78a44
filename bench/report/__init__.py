"""From records to tables, charts and pages; needs no training framework.

A chart is a Vega-Lite chart, interactive in the page and static in files; a picture is a PNG and an
SVG file.

| module | contents |
| --- | --- |
| command | `bench-report`: arguments and files |
| dataframes | records as DataFrames; conditions; the best learning rate |
| display_names | labels of implementations, settings and machines |
| analysis | the comparison of implementations; pairs of the same seed; time to accuracy |
| findings | the sentences at the top: speed, parity, accuracy, learning rates |
| sweep_summary | the sentences after them: machines, noise, versions, how runs ended |
| tables | the tables of runs, learning rates, time and mistakes, in Markdown |
| fairness | the tables of parity, differences between implementations, environment |
| terminal_report | the comparison in the terminal |
| markdown_report | the sections of both pages; the commands that repeat runs; report.md |
| html_report | index.html |
| charts | Vega-Lite specifications |
| chart_data | the rows of the charts |
| drawing | all pictures; the charts as pictures; speed over commits |
| data_pictures | sample images, classes, predictions, confusion matrices |
"""
