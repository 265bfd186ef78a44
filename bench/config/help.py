"""What `bench --help` prints. Imports nothing heavy: it must not wait for NumPy."""

from __future__ import annotations

from typing import Final

from omegaconf import OmegaConf

from bench import CONF
from bench.config.hydra_settings import NUMBERS
from bench.config.keys import KEYS
from bench.config.user_files import CONFIG_NAME, EXTENSION, choices

GROUPS: Final = {
    "implementation": "what trains",
    "architecture": "the layers",
    "recipe": "activations, loss and optimizer",
    "dataset": "what to train on",
    "experiment": "a preset of keys",
    "sweep": "a preset of keys, and several values for some",
}

USAGE: Final = """\
bench trains the same multilayer perceptrons with several implementations and records how fast and
how well.

  bench implementation=numpy architecture=two_hidden learning_rate=0.1      one run
  bench -m implementation=numpy,keras learning_rate=0.01,0.1                a sweep of both at both
  bench sweep=default                                                       a named sweep
  bench experiment=notebook_keras implementation=numpy                      a named preset
"""
FLAGS: Final = """\
Flags:

  -m, --multirun        make a sweep of all combinations where keys have several values: a,b
  --config-dir FOLDER   add the choices in a folder of your own: FOLDER/architecture/wide.yaml
  --cfg job             print the configuration instead of training
  -sc install=bash      print completion for a shell: eval "$(bench -sc install=bash)"
  --version             print the version
  -h, --help            print this
"""
EXIT_STATUS: Final = """\
Exit status: 0: no run failed; 1: a run failed, timed out or ran out of memory; 2: refused, nothing
more was run; 3: every run was skipped; 130: interrupted.
"""
INDENT: Final = "  "


def text() -> str:
    """Return what `bench --help` prints."""
    config = OmegaConf.load(CONF / f"{CONFIG_NAME}{EXTENSION}")
    lines = [USAGE, "Groups (group=choice):", ""]
    for group, meaning in GROUPS.items():
        lines += [f"{INDENT}{group}: {meaning}", f"{INDENT * 3}{', '.join(choices(group))}"]
    lines += ["", "Keys (key=value), with what they are unless given:", ""]
    width = max(map(len, KEYS)) + 1
    for name, key in KEYS.items():
        usual = _typed(OmegaConf.select(config, name)) if name in config else ""
        lines.append(f"{INDENT}{name:{width}}{usual:9} {key.meaning}; {key.allowed}")
    lines += [
        f"{INDENT}{'implementation.options.*':{width}}{'':9} options in the implementation's file",
        "",
        "Keys without a value here belong to a choice, whose file sets them. A key that is given "
        "twice has",
        "the last value. In a sweep, range(0,5) and glob(keras*) are several values, and "
        "hydra/launcher may",
        f"be {', '.join(NUMBERS)}.",
        "",
        FLAGS,
        EXIT_STATUS,
        "Results go to results/SWEEP_NAME; read them with: bench-report results/SWEEP_NAME",
    ]
    return "\n".join(lines)


def _typed(value: object) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
