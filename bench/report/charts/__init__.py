"""The charts and pictures of a report, and their files.

A chart is one Vega-Lite specification, interactive in the page and static in files.

| module | contents |
| --- | --- |
| chart, chart_data | a chart; the rows of all charts |
| charts | the charts, from `speed`, `curves`, `rates`, `costs` and `history` |
| vega | what the specifications of charts share |
| figures, renderer, rendering | the files of charts: specifications, and the process that draws |
| data_pictures, image_panels | pictures of images and confusion matrices; their panels |
| drawing | all figures of a report |
"""
