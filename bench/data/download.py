"""Download files over HTTP into a folder, with a progress bar and a limit on everything."""

from __future__ import annotations

import http.client
import queue
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from bench.data.idx import DatasetError

CHUNK_BYTES = 1 << 16


def download(
    base_url: str, limits_bytes: dict[str, int], folder: Path, timeout_seconds: float
) -> None:
    """Download files that lie beside each other.

    Args:
        base_url: all of their addresses up to the last slash.
        limits_bytes: for each file's name, what it can't be longer than.
        folder: where they are written to; it exists.
        timeout_seconds: how long to wait for an answer, and later for each further byte.

    Raises:
        DatasetError: no answer, an answer other than the file, or no room for it.
    """
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        for name, limit_bytes in limits_bytes.items():
            url = f"{base_url}/{name}"
            try:
                with _open(url, timeout_seconds) as response:
                    _copy(response, folder / name, limit_bytes, progress)
            except urllib.error.HTTPError as error:
                with error:  # it is the server's answer, and holds the connection
                    raise DatasetError(f"{name}: {error.code} {error.reason}") from error
            except urllib.error.URLError as error:
                raise DatasetError(f"{name}: {_words(error.reason)}") from error
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise DatasetError(f"{name}: {_words(error)}") from error


def _copy(response: Any, path: Path, limit_bytes: int, progress: Progress) -> None:
    length = response.headers.get("Content-Length", "")
    bar = progress.add_task(path.name, total=int(length) if length.isdecimal() else None)
    n_bytes = 0
    with path.open("wb") as file:
        while chunk := response.read(CHUNK_BYTES):
            n_bytes += len(chunk)
            if n_bytes > limit_bytes:
                raise DatasetError(f"{path.name}: longer than {limit_bytes:,} bytes")
            file.write(chunk)
            progress.advance(bar, len(chunk))


def _words(reason: BaseException | str) -> str:
    """Say why, without the operating system's number for it."""
    return getattr(reason, "strerror", None) or str(reason) or type(reason).__name__


def _open(url: str, timeout_seconds: float) -> Any:
    """Return the answer to a request, or give up.

    A socket's time limit holds for each of a host's addresses in turn, and not at all for looking
    them up: a firewall that swallows packets would cost minutes. A thread can be left behind.
    """
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask() -> None:
        try:
            response = urllib.request.urlopen(url, timeout=timeout_seconds)  # noqa: S310
        except (OSError, http.client.HTTPException, ValueError) as error:
            answers.put(error)
        else:
            answers.put(response)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=timeout_seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer within {timeout_seconds:g} seconds") from None
    if isinstance(answer, Exception):
        raise answer
    if url.startswith("https:") and not answer.url.startswith("https:"):
        answer.close()
        raise ValueError(f"leads to {answer.url}, which is not HTTPS")
    return answer
