"""What `import bench` offers; docs/python.md explains it.

| module | contents |
| --- | --- |
| sources | `Records`: the records of sweeps; from a folder, a frame or records to `Records` |
| loading | `load_records`, `load_runs`, `load_curves` |
| running | `run`: the command `bench` as a function |
| comparing | `compare`: the findings of a report |
| plain_errors | errors without the traceback of internals |

The figures are in `bench.plot`.
"""
