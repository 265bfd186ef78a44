"""Read the event files of TensorBoard."""

from __future__ import annotations

import struct


def events(path):
    """Yield the events in a file: length, checksum, event and checksum of each, one by one."""
    from tensorboardX.proto.event_pb2 import Event

    contents = path.read_bytes()
    while contents:
        (length,) = struct.unpack_from("<Q", contents)
        yield Event.FromString(contents[12 : 12 + length])
        contents = contents[16 + length :]
