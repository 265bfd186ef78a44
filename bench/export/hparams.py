"""The HParams dashboard of TensorBoard: a table of runs with their settings and results.

`SummaryWriter.add_hparams` of tensorboardX has other results: a second run for every record, with
the time of the export and the status "success"; and TensorBoard takes the columns of the table from
the first run alone. Therefore the columns are written once, for the folder of all runs, and every
run has its values in its own file.

Source: https://github.com/tensorflow/tensorboard, plugins/hparams/plugin_data.proto
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.config.identity import varying_keys
from bench.console import as_typed
from bench.export import contents
from bench.nested import flatten
from bench.records import FINISHED, RunRecord

SETTINGS = ("implementation.name", "architecture.name", "learning_rate")  # also if all runs agree
METRICS = (
    "validation_accuracy", "summary/test_accuracy", "summary/test_loss",
    "summary/examples_per_second", "summary/train_seconds", "summary/total_seconds",
    "summary/peak_memory_bytes",
)  # fmt: skip
PLUGIN = "hparams"
Value = bool | float | str
KINDS: dict[type[Value], str] = {bool: "BOOL", float: "FLOAT64", str: "STRING"}


class Table:
    """The settings that differ between runs, and their values, as summaries of TensorBoard."""

    def __init__(self, records: Sequence[RunRecord]) -> None:
        """Choose the settings.

        Args:
            records: all runs of the table.
        """
        configs = [dict(flatten(record.config)) for record in records]
        keys = varying_keys([record.config for record in records])
        self._columns = {
            name: _alike([config.get(name) for config in configs])
            for name in dict.fromkeys((*SETTINGS, *keys))
        }
        self._places = {record.run_id: place for place, record in enumerate(records)}

    def columns(self) -> Any:
        """Return the summary for the folder of all runs: settings with their values, metrics."""
        from tensorboardX.proto import api_pb2

        settings = []
        for name, values in self._columns.items():
            known = dict.fromkeys(value for value in values if value is not None)
            kind = KINDS[type(next(iter(known), ""))]
            setting = api_pb2.HParamInfo(name=name, type=f"DATA_TYPE_{kind}")
            setting.domain_discrete.extend(sorted(known))  # only these can be sorted and filtered
            settings.append(setting)
        metrics = [api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag)) for tag in METRICS]
        experiment = api_pb2.Experiment(hparam_infos=settings, metric_infos=metrics)
        return _summary("experiment", experiment=experiment)

    def start(self, record: RunRecord) -> Any:
        """Return the summary of a run's start: its settings."""
        from tensorboardX.proto.plugin_hparams_pb2 import SessionStartInfo

        start = SessionStartInfo(start_time_secs=contents.started(record))
        for name, values in self._columns.items():
            value = values[self._places[record.run_id]]
            if isinstance(value, bool):
                start.hparams[name].bool_value = value
            elif isinstance(value, float):
                start.hparams[name].number_value = value
            elif value is not None:
                start.hparams[name].string_value = value
        return _summary("session_start_info", session_start_info=start)

    def end(self, record: RunRecord) -> Any:
        """Return the summary of a run's end: its status."""
        from tensorboardX.proto.plugin_hparams_pb2 import SessionEndInfo

        status = "STATUS_SUCCESS" if record.status in FINISHED else "STATUS_FAILURE"
        end = SessionEndInfo(status=status, end_time_secs=contents.finished(record))
        return _summary("session_end_info", session_end_info=end)


def _alike(values: Sequence[Any]) -> list[Value | None]:
    """Return the values of a setting as numbers, as booleans, or as text if their types differ."""
    known = [value for value in values if value is not None]
    if all(isinstance(value, bool) for value in known):
        return list(values)
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
        return [None if value is None else float(value) for value in values]
    return [None if value is None else as_typed(value) for value in values]


def _summary(name: str, **data: Any) -> Any:
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData
    from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata

    content = HParamsPluginData(version=0, **data).SerializeToString()
    plugin = SummaryMetadata.PluginData(plugin_name=PLUGIN, content=content)
    value = Summary.Value(tag=f"_hparams_/{name}", metadata=SummaryMetadata(plugin_data=plugin))
    return Summary(value=[value])
