"""DEFLATE streams of files that somebody else wrote: whether they are whole, and how large they become."""

from __future__ import annotations

import zlib

from poml_map.limits import MOST_BLOCK

# Decoded at a time: the whole may be a thousand times as large as what is packed. [bytes]
_PIECE = 2**20
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


def check_stream(packed: bytes) -> None:
    """Decode a zlib stream to its end for the sake of its checksum, which libtiff leaves unread.

    Raises
    ------
    zlib.error
        If it is damaged or cut off.

    Examples
    --------
    >>> check_stream(zlib.compress(b"soil"))
    >>> check_stream(zlib.compress(b"soil")[:-1])
    Traceback (most recent call last):
    ...
    zlib.error: incomplete or truncated stream
    """
    stream, rest = zlib.decompressobj(), packed
    while not stream.eof:
        piece = stream.decompress(rest, _PIECE)
        rest = stream.unconsumed_tail
        if not piece and not rest and not stream.eof:
            raise zlib.error("incomplete or truncated stream")


def inflated_size(packed: bytes) -> int:
    """Bytes that a zlib or gzip stream becomes, counted piece by piece, and not far beyond `MOST_BLOCK`.

    Of a damaged stream those that come before the damage: the library that reads it says what is wrong.

    Examples
    --------
    >>> inflated_size(zlib.compress(bytes(1000)))
    1000
    """
    stream, rest, size = zlib.decompressobj(_GZIP_OR_ZLIB), packed, 0
    while rest and not stream.eof and size <= MOST_BLOCK:
        try:
            size += len(stream.decompress(rest, 4 * _PIECE))
        except zlib.error:
            return size
        rest = stream.unconsumed_tail
    return size
