"""Entry points of the commands, under a name that no other distribution uses.

`bench` and `implementations` are common names: frappe-bench has a package and a command
`bench`, too. What is imported here is what lies beside this file, whatever else is on the path.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False  # typing would take time in which an interrupt isn't handled yet
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
        if not _import_what_is_beside(command):
            return 2
        from bench import commands

        return commands.run(command)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one must not cut the exit short
        print(f"{command}: interrupted", file=sys.stderr)
        return 130


def _interrupt(_number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt; while a module is being imported, exit.

    Extension modules may swallow an exception in their initialisation, or crash of it.
    """
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            os.write(2, f"{os.path.basename(sys.argv[0])}: interrupted\n".encode())  # noqa: PTH119
            os._exit(130)
        frame = frame.f_back
    raise KeyboardInterrupt


def _import_what_is_beside(command: str) -> bool:
    """Make this folder's packages the ones that are imported; name others of their names.

    Returns:
        Whether this folder's packages are whole.
    """
    from importlib.machinery import PathFinder

    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  # pathlib is slow
    shadows = []
    for package in PACKAGES:
        spec = PathFinder.find_spec(package)
        places = [] if spec is None else list(spec.submodule_search_locations or [str(spec.origin)])
        if places != [os.path.join(here, package)]:  # noqa: PTH118
            shadows += places
    if shadows:
        print(
            f"{command}: not used: {', '.join(map(repr, shadows))}; they have the names of "
            f"packages of mlp-bench, which is in {here!r}",
            file=sys.stderr,
        )
        sys.path.insert(0, here)
        # For the processes that are started from this one.
        path = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join([here, path] if path else [here])
    import bench

    # Installers write over files of the same name and merge folders.
    merged = os.path.join(here, "bench", "commands")  # noqa: PTH118
    if getattr(bench, "DISTRIBUTION", None) == "mlp-bench" and not os.path.exists(merged):  # noqa: PTH110
        return True
    print(
        f"{command}: another distribution has written into {here!r}, to a package of the same "
        "name 'bench' (as frappe-bench has); install mlp-bench into an environment of its own",
        file=sys.stderr,
    )
    return False
