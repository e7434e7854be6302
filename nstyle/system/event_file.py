"""TensorBoard's event files, written in the thread of the caller, so that a full disk is an error there.

The writer of TensorBoard writes in a thread of its own, whose errors are tracebacks and reach the caller late.
"""

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nstyle.errors import NstyleError
from nstyle.system.files import AppendedFile

VERSION = "brain.Event:2"


class EventFile:
    """A new event file.

    Args:
        folder: The folder of the event files, which is created if it does not exist.
        purge_from: The step from which on TensorBoard is to forget what earlier files hold.

    Raises:
        NstyleError: If the file cannot be written, here and from all methods.
    """

    def __init__(self, folder: Path, purge_from: int) -> None:
        from tensorboard.compat.proto.event_pb2 import SessionLog  # type: ignore[import-untyped]
        from tensorboard.summary.writer.record_writer import RecordWriter  # type: ignore[import-untyped]

        name = f"events.out.tfevents.{time.time():017.6f}.{socket.gethostname()}.{os.getpid()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NstyleError(
                f"cannot write {folder}: {error.strerror}; check the folder and its permissions"
            ) from error
        self._file = AppendedFile(folder / name)
        self._buffer = _Buffer()
        self._records = RecordWriter(self._buffer)
        self._add(0, file_version=VERSION)
        self._add(purge_from, session_log=SessionLog(status=SessionLog.START))

    def add_values(self, values: Mapping[str, float], step: int) -> None:
        """Add numbers by tag. They are one event, as an event for each would take many times as long."""
        from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-untyped]

        parts = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
        self._add(step, summary=Summary(value=parts))

    def add_picture(self, tag: str, encoded: bytes, size: tuple[int, int], step: int) -> None:
        """Add a picture, encoded as JPEG or PNG, of ``size``, (width, height) in pixels."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        width, height = size
        picture = Summary.Image(width=width, height=height, colorspace=3, encoded_image_string=encoded)
        self._add(step, summary=Summary(value=[Summary.Value(tag=tag, image=picture)]))

    def _add(self, step: int, **content: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._records.write(Event(wall_time=time.time(), step=step, **content).SerializeToString())

    def flush(self) -> None:
        """Write what was added."""
        self._file.append(self._buffer.take())

    def close(self) -> None:
        """Close the file. What was added and not flushed is dropped."""
        self._file.close()


class _Buffer:
    """What the records are written to until they are flushed."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes) -> None:
        self._data += data

    def take(self) -> bytes:
        data, self._data = bytes(self._data), bytearray()
        return data
