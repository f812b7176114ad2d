"""One table of fixed-width columns as bytes: an Arrow IPC stream of one batch, with a JSON header in its metadata.

Any Arrow reader can read these bytes. What comes from outside is read strictly: exactly one schema and one batch, the
expected column types, no nulls, no compression (a few bytes could ask for terabytes), nothing after the end.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from jalousie.errors import WireError, library_boundary
from jalousie.wire.canonical import canonical, decode_canonical

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

Array = NDArray[Any]
_Header = TypeVar("_Header", bound=msgspec.Struct)
_KEY: Final = b"jalousie"
_END: Final = b"\xff\xff\xff\xff\x00\x00\x00\x00"
_MAX_HEADER: Final = 1 << 20
# positions in Arrow's flatbuffers (format/Message.fbs): field 2 of Message is its header, field 3 of RecordBatch its compression
_MESSAGE_HEADER: Final = 4 + 2 * 2
_COMPRESSION: Final = 4 + 2 * 3


def pack(header: msgspec.Struct, columns: Sequence[tuple[str, Array]]) -> bytes:
    """`columns` of one length: (n,) whole numbers, or (n, width) uint8 for strings of bytes of a fixed width."""
    import pyarrow as pa

    arrays = [_to_arrow(values) for _, values in columns]
    schema = pa.schema(
        [pa.field(name, array.type, nullable=False) for (name, _), array in zip(columns, arrays, strict=True)],
        metadata={_KEY: canonical(header)},
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.record_batch(arrays, schema=schema))
    return bytes(sink.getvalue())


class Packed:
    """Bytes from outside whose header can be read before their columns are."""

    def __init__(self, data: bytes, *, max_bytes: int) -> None:
        """
        Raises
        ------
        WireError
            W600 not an Arrow stream of ours, W601 more than `max_bytes`
        """
        import pyarrow as pa

        if len(data) > max_bytes:
            raise WireError("W601", f"the message has more than {max_bytes} bytes", effect="")
        self._source = pa.BufferReader(data)
        with _strict():
            message = pa.ipc.read_message(self._source)
            if message.type != "schema" or message.metadata.size > _MAX_HEADER:
                raise WireError("W600", "the message does not start with a schema", effect="")
            self._schema = pa.ipc.read_schema(message)
        self._header = (self._schema.metadata or {}).get(_KEY, b"")

    def header(self, kind: type[_Header]) -> _Header:
        """
        Raises
        ------
        WireError
            W600
        """
        return decode_canonical(self._header, kind, what="the message's header")

    def columns(self, expected: Sequence[tuple[str, np.dtype[Any], int]], rows: int) -> list[Array]:
        """The columns, which must be exactly `expected`: (name, number type, 1), or (name, uint8, width) for bytes.

        The arrays look into the message and cannot be written to.

        Raises
        ------
        WireError
            W600 broken, W606 other columns or rows
        """
        import pyarrow as pa

        wanted = pa.schema([pa.field(n, _arrow_type(kind, width), nullable=False) for n, kind, width in expected])
        if not self._schema.equals(wanted, check_metadata=False):
            raise WireError("W606", "the columns of the message are not those that its header declares", effect="")
        with _strict():
            message = pa.ipc.read_message(self._source)
            if message.type != "record batch" or _compressed(bytes(message.metadata)):
                raise WireError("W600", "the message is compressed, or holds something else than one table", effect="")
            batch = pa.ipc.read_record_batch(message, self._schema)
            batch.validate(full=True)
        if self._source.read() != _END:
            raise WireError("W600", "the message goes on after its table", effect="")
        if batch.num_rows != rows or any(column.null_count for column in batch.columns):
            raise WireError("W606", f"the table of the message has not the {rows} rows of its header", effect="")
        return [_to_numpy(batch.column(i), kind, width) for i, (_, kind, width) in enumerate(expected)]


def _strict() -> AbstractContextManager[None]:
    import pyarrow as pa

    return library_boundary(
        WireError,
        "W600",
        "the message is not an Arrow stream",
        pa.ArrowException,
        OSError,
        EOFError,
        ValueError,
        MemoryError,
    )


def _arrow_type(kind: np.dtype[Any], width: int) -> Any:
    import pyarrow as pa

    return pa.from_numpy_dtype(kind) if width == 1 else pa.binary(width)


def _to_arrow(values: Array) -> Any:
    import pyarrow as pa

    if values.ndim == 1:
        return pa.array(values)
    flat = np.ascontiguousarray(values, dtype=np.uint8)
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(values.shape[1]), len(values), [None, pa.py_buffer(flat)])


def _to_numpy(column: Any, kind: np.dtype[Any], width: int) -> Array:
    if width == 1:
        return np.asarray(column.to_numpy(zero_copy_only=True))
    flat = np.frombuffer(column.buffers()[1], dtype=kind, count=len(column) * width, offset=column.offset * width)
    return flat.reshape(len(column), width)


def _compressed(metadata: bytes) -> bool:
    """Whether a record batch message declares compression. pyarrow would undo it unasked, and cannot be told not to."""
    try:
        message = struct.unpack_from("<I", metadata, 0)[0]
        batch = _field(metadata, message, _MESSAGE_HEADER)
        if batch is None:
            return True
        batch += struct.unpack_from("<I", metadata, batch)[0]
        return _field(metadata, batch, _COMPRESSION) is not None
    except struct.error:
        return True


def _field(data: bytes, table: int, slot: int) -> int | None:
    """Where a flatbuffer table has the field of a slot of its vtable, or None if it is absent."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    if vtable < 0:
        raise struct.error
    if slot + 2 > struct.unpack_from("<H", data, vtable)[0]:
        return None
    offset = struct.unpack_from("<H", data, vtable + slot)[0]
    return table + offset if offset else None
