"""MLflow: an experiment in a SQLite database."""

from __future__ import annotations

import shlex
from pathlib import Path
from urllib.parse import quote

from bench.console import shorten
from bench.export import contents
from bench.records import FINISHED
from bench.results import store


def export(sweep: store.Sweep, output: Path) -> str:
    """Write an experiment into a SQLite database.

    Source: https://mlflow.org/docs/latest/ml/tracking/

    Args:
        sweep: sweep with the records to export.
        output: an empty folder.

    Returns:
        The command that shows the result.
    """
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.tracking import MlflowClient

    path = str((output / "mlflow.db").absolute())
    database = f"sqlite:///{path}"
    if "?" in path:  # it would begin the URL's query; SQLite's own URLs can escape it
        # MLflow would create a folder "file:" for a URL that begins with "sqlite:".
        database = f"sqlite+pysqlite:///file:{quote(path)}?uri=true"
    client = MlflowClient(database)
    experiment = client.create_experiment(
        sweep.name, artifact_location=(output / "artifacts").absolute().as_uri()
    )
    for record in sweep.records:
        run = client.create_run(
            experiment,
            start_time=round(1000 * contents.started(record)),
            run_name=record.run_id,
            tags={"status": record.status, **contents.error(record)},
        ).info.run_id
        finished = round(1000 * contents.finished(record))
        metrics = [
            Metric(name, value, round(1000 * time), epoch)
            for name, epoch, value, time in contents.points(record)
        ]
        metrics += [
            Metric(name, value, finished, 0) for name, value in contents.summary(record).items()
        ]
        parameters = [
            Param(name, shorten(str(value), 6000))
            for name, value in contents.parameters(record).items()
        ]
        for start in range(0, max(len(metrics), 1), 900):  # at most 1,000 in a call
            client.log_batch(run, metrics=metrics[start : start + 900])
        for start in range(0, len(parameters), 100):
            client.log_batch(run, params=parameters[start : start + 100], tags=list[RunTag]())
        status = "FINISHED" if record.status in FINISHED else "FAILED"
        client.set_terminated(run, status, end_time=finished)
    return f"mlflow ui --backend-store-uri {shlex.quote(database)}"
