"""Download and unpack a Debian package without root permissions; nothing is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from bench.data.errors import DatasetError

MAX_COMMAND_SECONDS = 900  # 31 MB take four minutes at 1 Mbit/s
APT_SETTINGS = """\
Acquire::http::Timeout "{timeout_seconds}";
Acquire::https::Timeout "{timeout_seconds}";
Acquire::Retries "1";
"""
PRIVATE_LISTS = """\
Dir::State::Lists "{folder}/lists/";
Dir::Cache "{folder}/cache/";
Acquire::Languages "none";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
"""


def extract(package: str, folder: Path, timeout_seconds: float) -> Path:
    """Download a package from the system's package sources and unpack it.

    Args:
        package: name of the package.
        folder: an empty folder for all downloaded and unpacked files.
        timeout_seconds: maximum time to wait for each answer of a host.

    Returns:
        The root folder of the unpacked package.

    Raises:
        DatasetError: this is not a Debian system, or the package can't be downloaded or unpacked.
    """
    for command in ("apt-get", "dpkg-deb"):
        if shutil.which(command) is None:
            raise DatasetError(f"{command} is not installed")
    archive = _download(package, folder, timeout_seconds)
    unpacked = folder / "unpacked"
    if (problem := _run(["dpkg-deb", "-x", str(archive), str(unpacked)], folder)) is not None:
        raise DatasetError(problem)
    return unpacked


def _download(package: str, folder: Path, timeout_seconds: float) -> Path:
    """Download with the system's package lists; if that fails, with new ones."""
    settings = folder / "apt.conf"
    apt_get = ["apt-get", "-qq", "-c", str(settings)]
    limits = APT_SETTINGS.format(timeout_seconds=max(1, round(timeout_seconds)))
    settings.write_text(limits, encoding="utf-8")
    if (problem := _run([*apt_get, "download", package], folder)) is not None:
        for name in ("lists", "cache"):
            (folder / name).mkdir()
        private = PRIVATE_LISTS.format(folder=folder)
        settings.write_text(limits + private, encoding="utf-8")
        # The update fails if any source is unreachable; another one may have the package.
        update_problem = _run([*apt_get, "update"], folder)
        if (problem := _run([*apt_get, "download", package], folder)) is not None:
            raise DatasetError(update_problem or problem)
    archives = list(folder.glob("*.deb"))
    if len(archives) != 1:
        raise DatasetError(
            f"apt-get downloaded {len(archives)} archives of {package} instead of one"
        )
    return archives[0]


def _run(command: list[str], folder: Path) -> str | None:
    """Run a command; return the error message, or None."""
    short = f"{command[0]} {command[-2]} {command[-1]}"
    try:
        process = subprocess.run(  # noqa: S603
            command,
            cwd=folder,
            env=os.environ | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=MAX_COMMAND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"'{short}' took more than {MAX_COMMAND_SECONDS} seconds"
    except OSError as error:
        return f"'{short}' can't be run: {error.strerror}"
    if process.returncode == 0:
        return None
    lines = process.stderr.splitlines() or ["no message"]
    reasons = [line for line in lines if line.startswith(("E:", "dpkg-deb:"))]
    return f"'{short}' failed: {(reasons or lines)[0]}"
