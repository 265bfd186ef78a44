"""Check that Ray's head answers at an address."""

from __future__ import annotations

import socket

CONNECT_SECONDS = 10.0
# gRPC speaks HTTP/2 (RFC 9113, 3.4): both sides begin with a frame of settings.
SETTINGS_FRAME, FRAME_HEADER_BYTES = b"\4", 9
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0" + SETTINGS_FRAME + bytes(5)


def check_address(address: str) -> None:
    """Check that a server of gRPC answers. Ray itself would try for minutes.

    Args:
        address: HOST:PORT.

    Raises:
        ConnectionError: nothing answers, or another program; the message says which.
    """
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS) as connection:
            connection.sendall(HTTP2_PREFACE)
            answer = connection.recv(FRAME_HEADER_BYTES, socket.MSG_WAITALL)
    except (OSError, OverflowError) as error:
        raise ConnectionError(f"can't connect: {error}") from error
    if answer[3:4] != SETTINGS_FRAME:
        raise ConnectionError("can't connect: another program answers")
