"""The pictures of the documents keep their colours when they are made small."""

from __future__ import annotations

import struct
import zlib

import pytest

from tests.browser import png

RED, BLUE = (200, 0, 0), (0, 0, 200)


def picture(filters: bytes, *rows: list[tuple[int, int, int]]) -> bytes:
    """Return a PNG of these rows, each written with the filter of its place: 0 none, 2 up."""
    lines, above = b"", bytes(3 * len(rows[0]))
    for kind, row in zip(filters, rows, strict=True):
        plain = bytes(value for colour in row for value in colour)
        coded = bytes((one - up) % 256 for one, up in zip(plain, above, strict=True)) if kind else plain
        lines, above = lines + bytes([kind]) + coded, plain
    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in parts
    )


def test_every_pixel_keeps_its_colour() -> None:
    small = dict(png._chunks(png.shrink(picture(bytes([0, 2]), [RED, BLUE, RED], [BLUE, BLUE, RED]))))
    palette = [tuple(small[b"PLTE"][at : at + 3]) for at in range(0, len(small[b"PLTE"]), 3)]
    rows = zlib.decompress(small[b"IDAT"])
    assert [palette[index] for index in rows[1:4] + rows[5:8]] == [RED, BLUE, RED, BLUE, BLUE, RED]


def test_other_kinds_of_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="8-bit"):
        png.shrink(png.shrink(picture(bytes([0]), [RED])))
