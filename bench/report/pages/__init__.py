"""The formats of a report, which are all made from the same document.

| module | contents |
| --- | --- |
| writing | the files of a report in the chosen formats |
| html_report, markdown_report, terminal_report | the formats |
| history_page | history.html |
"""
