"""The types of what `__init__.py` loads on first use."""

from pathlib import Path

from bench import plot as plot
from bench.api.comparing import Findings as Findings
from bench.api.comparing import compare as compare
from bench.api.loading import load_curves as load_curves
from bench.api.loading import load_records as load_records
from bench.api.loading import load_runs as load_runs
from bench.api.running import run as run
from bench.api.sources import Records as Records
from bench.errors import BenchError as BenchError
from bench.records import RunRecord as RunRecord
from bench.report.findings.finding import Finding as Finding

__version__: str
DISTRIBUTION: str
CONF: Path
PUBLIC: dict[str, str]
