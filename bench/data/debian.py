"""Unpack a Debian package without installing it and without being root."""

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
    """Download a package with the system's sources and keys, and unpack it.

    Args:
        package: its name.
        folder: an empty folder for all that is downloaded and unpacked.
        timeout_seconds: to wait for each answer of a host.

    Returns:
        The folder that stands for `/` in the package.

    Raises:
        DatasetError: this is not such a system, or the package can't be downloaded or unpacked.
    """
    for command in ("apt-get", "dpkg-deb"):
        if shutil.which(command) is None:
            raise DatasetError(f"{command} is not installed")
    archive = _download(package, folder, timeout_seconds)
    unpacked = folder / "unpacked"
    _run(["dpkg-deb", "-x", str(archive), str(unpacked)], folder)
    return unpacked


def _download(package: str, folder: Path, timeout_seconds: float) -> Path:
    """Download with the system's package lists; if they are missing or old, with new ones."""
    settings = folder / "apt.conf"
    apt_get = ["apt-get", "-qq", "-c", str(settings)]
    limits = APT_SETTINGS.format(timeout_seconds=max(1, round(timeout_seconds)))
    settings.write_text(limits, encoding="utf-8")
    if (problem := _try([*apt_get, "download", package], folder)) is not None:
        for name in ("lists", "cache"):
            (folder / name).mkdir()
        private = PRIVATE_LISTS.format(folder=folder)
        settings.write_text(limits + private, encoding="utf-8")
        # Any unreachable source makes the update fail; the package may be in another.
        update_problem = _try([*apt_get, "update"], folder)
        if (problem := _try([*apt_get, "download", package], folder)) is not None:
            raise DatasetError(update_problem or problem)
    archives = list(folder.glob("*.deb"))
    if len(archives) != 1:
        raise DatasetError(f"apt-get has downloaded {len(archives)} archives of {package}, not one")
    return archives[0]


def _try(command: list[str], folder: Path) -> str | None:
    """Run a command; return why it has failed, or None."""
    try:
        _run(command, folder)
    except DatasetError as error:
        return str(error)
    return None


def _run(command: list[str], folder: Path) -> None:
    shown = f"{command[0]} {command[-2]} {command[-1]}"
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
    except subprocess.TimeoutExpired as error:
        raise DatasetError(f"'{shown}' took more than {error.timeout:g} seconds") from error
    except OSError as error:
        raise DatasetError(f"'{shown}' can't be run: {error.strerror}") from error
    if process.returncode != 0:
        lines = [
            line for line in process.stderr.splitlines() if line.startswith(("E:", "dpkg-deb:"))
        ]
        reason = (lines or process.stderr.splitlines() or ["no message"])[0]
        raise DatasetError(f"'{shown}' failed: {reason}")
