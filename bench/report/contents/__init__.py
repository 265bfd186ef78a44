"""The contents of a report without a format.

| module | contents |
| --- | --- |
| blocks | text, tables and figures |
| document | the sections of a report |
| comparison_table, tables, fairness | its tables |
| repeat_command | the command that repeats a run |
"""
