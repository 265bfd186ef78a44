"""Entry points of the commands, in a module whose name no other distribution uses.

`bench` and `implementations` are common names: frappe-bench has a package and a command `bench`,
too. This module imports the packages in its own folder, even if others come first on the path.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False  # importing typing is slow, and interrupts are not handled yet
if TYPE_CHECKING:
    from types import FrameType

PACKAGES = ("bench", "implementations")


def bench() -> int:
    """Run `bench`."""
    return _start("bench")


def bench_compare() -> int:
    """Run `bench-compare`."""
    return _start("bench-compare")


def bench_doctor() -> int:
    """Run `bench-doctor`."""
    return _start("bench-doctor")


def bench_export() -> int:
    """Run `bench-export`."""
    return _start("bench-export")


def bench_parity() -> int:
    """Run `bench-parity`."""
    return _start("bench-parity")


def bench_report() -> int:
    """Run `bench-report`."""
    return _start("bench-report")


def _start(command: str) -> int:
    try:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, _interrupt)
        if not _import_own_packages(command):
            return 2
        from bench import commands

        return commands.run(command)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one must not cut the exit short
        print(f"{command}: interrupted", file=sys.stderr)
        return 130


def _interrupt(_number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt; while a module is being imported, exit.

    Extension modules may ignore an exception during their initialisation, or crash.
    """
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            os.write(2, f"{os.path.basename(sys.argv[0])}: interrupted\n".encode())  # noqa: PTH119
            os._exit(130)
        frame = frame.f_back
    raise KeyboardInterrupt


def _import_own_packages(command: str) -> bool:
    """Import the packages in this folder, and report others with the same names on the path.

    Returns:
        False if another distribution has overwritten files of these packages.
    """
    from importlib.machinery import PathFinder

    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  # pathlib is slow
    shadows = []
    for package in PACKAGES:
        spec = PathFinder.find_spec(package)
        folders = (
            [] if spec is None else list(spec.submodule_search_locations or [str(spec.origin)])
        )
        if folders != [os.path.join(here, package)]:  # noqa: PTH118
            shadows += folders
    if shadows:
        print(
            f"{command}: not used: {', '.join(map(repr, shadows))}; they have the same names as "
            f"packages of mlp-bench in {here!r}",
            file=sys.stderr,
        )
        sys.path.insert(0, here)
        # For child processes.
        path = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join([here, path] if path else [here])
    import bench

    # Installers overwrite files of the same name and merge folders.
    merged_folder = os.path.join(here, "bench", "commands")  # noqa: PTH118
    if getattr(bench, "DISTRIBUTION", None) == "mlp-bench" and not os.path.exists(merged_folder):  # noqa: PTH110
        return True
    print(
        f"{command}: another distribution has written into {here!r}, to a package of the same "
        "name 'bench' (as frappe-bench has); install mlp-bench into a separate environment",
        file=sys.stderr,
    )
    return False
