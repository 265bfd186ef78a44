"""Hydra's launchers: `hydra/launcher=joblib`, `submitit_local`, and what is like them.

A launcher decides where a run is made, and makes it in a process of its own; there it is made as
`bench` makes it: isolated, one at a time on a machine, with the same record at the end.
"""

from __future__ import annotations

from collections.abc import Sequence

from hydra import version
from hydra._internal.callbacks import Callbacks
from hydra.core.plugins import Plugins
from hydra.core.utils import JobStatus
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict

from bench import overrides, sweep
from bench.config import ConfigError, RunConfig
from bench.process import Launcher

KEY = "hydra/launcher"
FOLDER = ".launcher"  # in the sweep's, for what launchers write


def asked_for(words: Sequence[str]) -> bool:
    """Say whether another launcher than Hydra's plain one is to make the runs."""
    names = [word.partition("=")[2] for word in words if word.partition("=")[0] == KEY]
    return bool(names) and names[-1] != "basic"


def launch(
    words: Sequence[str],
    configs: Sequence[RunConfig],
    *,
    multirun: bool,
    config_folder: str | None,
) -> None:
    """Have a launcher make all runs.

    Args:
        configs: what the words ask for, as `overrides.compose_runs` returns it.

    Raises:
        ConfigError: there is no such launcher, or a run could not be made.
    """
    folder = sweep.folder_of(configs[0]).absolute()
    with overrides.set_up(config_folder) as loader:
        quoted = str(folder / FOLDER).replace("\\", "\\\\").replace("'", "\\'")
        own = [f"hydra.sweep.dir='{quoted}'", "hydra.sweep.subdir=.", "hydra.output_subdir=null"]
        base, jobs = overrides.split([*words, *own], loader, multirun=multirun)
        with open_dict(base):
            base.hydra.job.name = "bench"
        version.setbase("1.3")
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=HydraContext(config_loader=loader, callbacks=Callbacks()),
            task_function=make_run,
            config=base,
        )
        named = [[*job, f"sweep_name={configs[0].sweep_name}"] for job in jobs]
        ended = launcher.launch(named, initial_job_idx=0)
    for job in ended:
        if job.status != JobStatus.COMPLETED:
            raise ConfigError(f"{KEY}: a run could not be made: {job._return_value}")


def make_run(composed: DictConfig) -> None:
    """Make one run; called by a launcher, in a process of its own."""
    config = overrides.to_run_config(OmegaConf.create(composed), default_name="launched")
    with Launcher() as launcher:
        sweep.execute(config, launcher, wait=True)
