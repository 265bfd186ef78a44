"""The charts and pictures of a report, and their files.

A chart is one Vega-Lite specification, interactive in the page and static in files.

| module | contents |
| --- | --- |
| chart, chart_data | a chart; the rows of all charts |
| charts, vega | the charts; their specifications |
| history | the speed over commits, also as history.html |
| figures, data_pictures | the files of charts; pictures of images and confusion matrices |
"""
