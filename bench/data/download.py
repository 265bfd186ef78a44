"""Download files over HTTP into a folder, with a progress bar and limits on size and time."""

from __future__ import annotations

import http.client
import threading
import urllib.error
import urllib.request
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from bench.data.errors import DatasetError

CHUNK_BYTES = 1 << 16


def download(
    base_url: str, limits_bytes: dict[str, int], folder: Path, timeout_seconds: float
) -> Path:
    """Download files from one place.

    Args:
        base_url: URL of the place, without a slash at the end.
        limits_bytes: maximum size of each file, by name.
        folder: an existing folder to write the files to.
        timeout_seconds: maximum time to wait for an answer, and for each further byte.

    Returns:
        The folder.

    Raises:
        DatasetError: the host does not answer or has no such file, or writing fails.
    """
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        for name, limit_bytes in limits_bytes.items():
            try:
                with _open(f"{base_url}/{name}", timeout_seconds) as response:
                    _copy(response, folder / name, limit_bytes, progress)
            except urllib.error.HTTPError as error:
                with error:  # it is also the response; close its connection
                    raise DatasetError(f"{name}: {error.code} {error.reason}") from error
            except urllib.error.URLError as error:
                raise DatasetError(f"{name}: {_reason(error.reason)}") from error
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise DatasetError(f"{name}: {_reason(error)}") from error
    return folder


def _copy(response: Any, path: Path, limit_bytes: int, progress: Progress) -> None:
    length = response.headers.get("Content-Length", "")
    task = progress.add_task(path.name, total=int(length) if length.isdecimal() else None)
    n_bytes = 0
    with path.open("wb") as file:
        while chunk := response.read(CHUNK_BYTES):
            n_bytes += len(chunk)
            if n_bytes > limit_bytes:
                raise DatasetError(f"{path.name}: longer than {limit_bytes:,} bytes")
            file.write(chunk)
            progress.advance(task, len(chunk))


def _reason(error: BaseException | str) -> str:
    """Return the message without the operating system's error number."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _open(url: str, timeout_seconds: float) -> Any:
    """Return the response to a request.

    The timeout of a socket does not cover DNS and restarts for each address. Therefore the request
    runs in a thread, and this function waits with a total timeout.
    """
    answer: Future[Any] = Future()

    def request() -> None:
        try:
            answer.set_result(urllib.request.urlopen(url, timeout=timeout_seconds))  # noqa: S310
        except (OSError, http.client.HTTPException, ValueError) as error:
            answer.set_exception(error)

    threading.Thread(target=request, daemon=True).start()
    if not wait([answer], timeout_seconds).done:
        raise TimeoutError(f"no answer within {timeout_seconds:g} seconds")
    response = answer.result()
    if url.startswith("https:") and not response.url.startswith("https:"):
        response.close()
        raise ValueError(f"redirects to {response.url}, which is not HTTPS")
    return response
