"""The HParams dashboard of TensorBoard has a row for each run: its settings, status and results."""

from __future__ import annotations

import pytest

from bench.export import command
from bench.export.hparams import METRICS
from bench.records import RunError
from tests.export.event_files import events
from tests.report.conftest import make_record, write  # noqa: F401  # a fixture

pytest.importorskip("tensorboardX")


def read(folder):
    """Return an event file's data for the dashboard, the tags of its scalars, and the times."""
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData

    (path,) = folder.glob("events.*")
    data, tags, times = {}, set(), {}
    for event in events(path):
        for value in event.summary.value:
            plugin = value.metadata.plugin_data
            if plugin.plugin_name == "hparams":
                kind = value.tag.removeprefix("_hparams_/")
                data[kind] = getattr(HParamsPluginData.FromString(plugin.content), kind)
                times[kind] = event.wall_time
            else:
                tags.add(value.tag)
    return data, tags, times


@pytest.fixture
def exported(write, call):  # noqa: F811
    records = (
        make_record("numpy", threads="auto"),
        make_record("keras", learning_rate=0.01, threads=2),
        make_record("torch", learning_rate=1.0, status="failed",
                    error=RunError(type="E", message="no")),
    )  # fmt: skip
    folder = write(*records)
    assert call(command.main, folder, "--to=tensorboard")[0] == 0
    return folder / "tensorboard", records


def test_the_columns_are_the_settings_that_differ_and_the_results(exported):
    output, _ = exported
    experiment = read(output)[0]["experiment"]
    columns = {info.name: list(info.domain_discrete) for info in experiment.hparam_infos}
    assert columns == {
        "implementation.name": ["keras", "numpy", "torch"],
        "architecture.name": ["one_hidden"],
        "learning_rate": [0.01, 0.1, 1.0],
        "threads": ["2", "auto"],  # of different types, so text
    }
    types = {info.name: info.type for info in experiment.hparam_infos}
    assert (types["learning_rate"], types["threads"]) == (3, 1)  # FLOAT64 and STRING
    assert [info.name.tag for info in experiment.metric_infos] == list(METRICS)


def test_every_run_has_its_settings_status_and_results_in_its_own_file(exported):
    output, records = exported
    for record in records:
        data, tags, times = read(output / record.run_id)
        start, end = data["session_start_info"], data["session_end_info"]
        assert (
            start.hparams["implementation.name"].string_value
            == (record.config["implementation"]["name"])
        )
        assert start.hparams["learning_rate"].number_value == record.config["learning_rate"]
        assert start.hparams["threads"].string_value == str(record.config["threads"])
        assert start.start_time_secs == times["session_start_info"] == 1767225600
        assert end.end_time_secs == times["session_end_info"] == 1767225609
        assert end.status == (1 if record.status == "done" else 2)  # SUCCESS, FAILURE
        assert (set(METRICS) <= tags) == (record.status == "done")
    runs = {path.parent.name for path in output.rglob("events.*")} - {output.name}
    assert runs == {record.run_id for record in records}
