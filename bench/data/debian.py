"""Take files out of a Debian package without installing it, and without being root."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from bench.data.idx import DatasetError

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
        folder: an empty one that may be filled.
        timeout_seconds: how long to wait for a host's answer.

    Returns:
        The folder that stands for `/` in the package.

    Raises:
        DatasetError: this is no such system, or the package can't be had.
    """
    for command in ("apt-get", "dpkg-deb"):
        if shutil.which(command) is None:
            raise DatasetError(f"there is no {command} here")
    archive = _download(package, folder, timeout_seconds)
    unpacked = folder / "unpacked"
    _run(["dpkg-deb", "-x", str(archive), str(unpacked)], folder)
    return unpacked


def _download(package: str, folder: Path, timeout_seconds: float) -> Path:
    """Download with the system's package lists; where they are missing or old, with fresh ones."""
    settings = folder / "apt.conf"
    apt_get = ["apt-get", "-qq", "-c", str(settings)]
    general = APT_SETTINGS.format(timeout_seconds=max(1, round(timeout_seconds)))
    settings.write_text(general, encoding="utf-8")
    if (problem := _try([*apt_get, "download", package], folder)) is not None:
        for name in ("lists", "cache"):
            (folder / name).mkdir()
        private = PRIVATE_LISTS.format(folder=folder)
        settings.write_text(general + private, encoding="utf-8")
        # One dead source makes the update fail, and need not matter.
        update_problem = _try([*apt_get, "update"], folder)
        if (problem := _try([*apt_get, "download", package], folder)) is not None:
            raise DatasetError(update_problem or problem)
    archives = list(folder.glob("*.deb"))
    if len(archives) != 1:
        raise DatasetError(f"apt-get left {len(archives)} archives of {package}, not one")
    return archives[0]


def _try(command: list[str], folder: Path) -> str | None:
    """Run a command; return why it failed, or None."""
    try:
        _run(command, folder)
    except DatasetError as error:
        return str(error)
    return None


def _run(command: list[str], folder: Path) -> None:
    words = f"{command[0]} {command[-2]} {command[-1]}" if len(command) > 2 else " ".join(command)
    try:
        ended = subprocess.run(  # noqa: S603
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
        raise DatasetError(f"'{words}' took more than {error.timeout:g} seconds") from error
    except OSError as error:
        raise DatasetError(f"'{words}' can't be run: {error.strerror}") from error
    if ended.returncode != 0:
        lines = [line for line in ended.stderr.splitlines() if line.startswith(("E:", "dpkg-deb:"))]
        reason = (lines or ended.stderr.splitlines() or ["no message"])[0]
        raise DatasetError(f"'{words}' failed: {reason}")
