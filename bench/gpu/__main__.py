"""`make gpu`: check that the Python packages are there, then run the session."""

from __future__ import annotations

import argparse
import importlib.util
import sys

DESCRIPTION = """\
Measures the GPU of this machine: the parity checks, the sweep `gpu`, and a comparison of this code
with itself. It needs no network, and the project need not be installed.
"""
# What the commands need, as names of modules and of distributions. Frameworks are not among them.
REQUIRED = {
    "antlr4": "antlr4-python3-runtime", "filelock": "filelock", "hydra": "hydra-core",
    "msgspec": "msgspec", "numpy": "numpy", "omegaconf": "omegaconf", "packaging": "packaging",
    "rich": "rich", "scipy": "scipy", "threadpoolctl": "threadpoolctl", "yaml": "PyYAML",
}  # fmt: skip
SECONDS, MIN_SECONDS = 520, 60


def main() -> int:
    """Run the session; return the exit status of its sweep, or 2 if it can't start."""
    parser = argparse.ArgumentParser(prog="make gpu", description=DESCRIPTION)
    parser.add_argument(
        "--seconds", type=_seconds, default=SECONDS, help=f"time in all ({SECONDS})"
    )
    parser.add_argument("overrides", nargs="*", help="of the sweep, such as dataset.path=FOLDER")
    arguments = parser.parse_args()
    if missing := missing_distributions():
        print(
            f"make gpu: {sys.executable} lacks {', '.join(missing)}: install them as docs/gpu.md "
            "says, or choose another interpreter: make gpu PYTHON=...",
            file=sys.stderr,
        )
        return 2
    from bench.config.errors import ConfigError
    from bench.console import print_error
    from bench.gpu import session

    try:
        return session.run(arguments.overrides, arguments.seconds)
    except ConfigError as error:
        print_error("make gpu", error)
        return 2
    except KeyboardInterrupt:
        print("make gpu: interrupted", file=sys.stderr)
        return 130


def _seconds(value: str) -> int:
    if not value.isdecimal() or int(value) < MIN_SECONDS:
        message = f"{value!r}: must be whole seconds, {MIN_SECONDS} or more"
        raise argparse.ArgumentTypeError(message)
    return int(value)


def missing_distributions() -> list[str]:
    """Return the distributions in `REQUIRED` that are not installed."""
    return [name for module, name in REQUIRED.items() if not importlib.util.find_spec(module)]


if __name__ == "__main__":
    sys.exit(main())
