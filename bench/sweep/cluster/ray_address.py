"""Check that Ray's head answers at an address."""

from __future__ import annotations

import socket

from bench.sweep.cluster.launcher import LauncherError

CONNECT_SECONDS = 10.0
# gRPC speaks HTTP/2 (RFC 9113, 3.4): both sides begin with a frame of settings.
SETTINGS_FRAME, FRAME_HEADER_BYTES = b"\4", 9
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0" + SETTINGS_FRAME + bytes(5)


def check_address(address: str) -> None:
    """Refuse an address at which no server of gRPC answers; Ray would try for minutes.

    Args:
        address: HOST:PORT.

    Raises:
        LauncherError: nothing answers, or another program.
    """
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS) as connection:
            connection.sendall(HTTP2_PREFACE)
            if connection.recv(FRAME_HEADER_BYTES, socket.MSG_WAITALL)[3:4] != SETTINGS_FRAME:
                raise ConnectionError("another program answers")
    except (OSError, OverflowError) as error:
        raise LauncherError(
            f"launcher.address={address}: can't connect: {error}; give the address that "
            "`ray start --head` prints"
        ) from error
