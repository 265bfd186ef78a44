"""The text of `bench --help`. This module imports nothing slow, so that it prints at once."""

from __future__ import annotations

from typing import Final

from bench import CONF
from bench.config.keys import KEYS
from bench.config.user_files import CONFIG_NAME, EXTENSION, choices, load
from bench.console import as_typed

GROUPS: Final = {
    "implementation": "what trains",
    "architecture": "the layers",
    "recipe": "activations, loss and optimizer",
    "dataset": "what to train on",
    "launcher": "where runs are executed",
    "experiment": "a preset of keys",
    "sweep": "a preset of keys, and several values for some",
}

USAGE: Final = """\
bench trains the same multilayer perceptrons with several implementations and records how fast and
how well.

  bench implementation=numpy architecture=two_hidden learning_rate=0.1      one run
  bench -m implementation=numpy,keras learning_rate=0.01,0.1                all four combinations
  bench sweep=default                                                       a named sweep
  bench experiment=notebook_keras implementation=numpy                      a named preset
  bench new-implementation mine                      write the files of a new implementation
"""
END: Final = """
Keys without a default belong to a choice; its file sets them. If a key is given twice, the last
value counts. In a sweep, range(0,5) and glob(keras*) are several values.

Flags:

  -m, --multirun        make a sweep of all combinations where keys have several values: a,b
  --config-dir FOLDER   add the choices in a folder of your own, FOLDER/architecture/wide.yaml, and
                        the code of your implementations, FOLDER/implementations/mine_mlp.py
  --cfg job             print the configuration instead of training
  -sc install=bash      print completion for a shell: eval "$(bench -sc install=bash)"
  --version             print the version
  -h, --help            print this

Exit status: 0: no run failed; 1: a run failed, timed out or ran out of memory; 2: refused, nothing
more was run; 3: every run was skipped; 130: interrupted.

Results go to results/SWEEP_NAME; read them with: bench-report results/SWEEP_NAME"""
INDENT: Final = "  "


def text() -> str:
    """Return what `bench --help` prints."""
    config = load(CONF / f"{CONFIG_NAME}{EXTENSION}")
    lines = [USAGE, "Groups (group=choice):", ""]
    for group, meaning in GROUPS.items():
        lines += [f"{INDENT}{group}: {meaning}", f"{INDENT * 3}{', '.join(choices(group))}"]
    lines += ["", "Keys (key=value), with defaults:", ""]
    width = max(map(len, KEYS)) + 1
    for name, key in KEYS.items():
        default = as_typed(config[name]) if name in config else ""
        lines.append(f"{INDENT}{name:{width}}{default:9} {key.meaning}; {key.allowed}")
    name = "implementation.options.*"
    lines += [f"{INDENT}{name:{width}}{'':9} options in the implementation's file", END]
    return "\n".join(lines)
