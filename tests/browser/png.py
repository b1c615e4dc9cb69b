"""Makes pictures of pages small: 256 colours are enough, and take less than half the bytes. Source: PNG edition 3."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = 3
_COLOURS = 256
_ALIKE = 120
"""Colours whose squared distance is no larger look the same at the size of a letter."""

Colour = tuple[int, ...]


def shrink(picture: bytes) -> bytes:
    """Return the picture with 256 of its colours; any other becomes the nearest of them."""
    chunks = dict(_chunks(picture))
    width, height, depth, kind = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    if (depth, kind) != (8, 2):
        raise ValueError("no picture of 8-bit red, green and blue")
    pixels = _pixels(zlib.decompress(chunks[b"IDAT"]), width * _CHANNELS)
    counted = Counter(pixels)
    palette = _choose(counted)
    places = {colour: _nearest(palette, colour) for colour in counted}
    indexes = bytes(places[pixel] for pixel in pixels)
    rows = b"".join(b"\0" + indexes[start : start + width] for start in range(0, len(indexes), width))
    return (
        _SIGNATURE
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0))
        + _chunk(b"PLTE", bytes(value for colour in palette for value in colour))
        + _chunk(b"IDAT", zlib.compress(rows, 9))
        + _chunk(b"IEND", b"")
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks, the parts of the image data as one."""
    image = b""
    at = len(_SIGNATURE)
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        name, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length
        if name == b"IDAT":
            image += content
        else:
            yield name, content
    yield b"IDAT", image


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _pixels(filtered: bytes, stride: int) -> list[Colour]:
    pixels: list[Colour] = []
    above = bytearray(stride)
    for start in range(0, len(filtered), stride + 1):
        line = bytearray(filtered[start + 1 : start + 1 + stride])
        _unfilter(filtered[start], line, above)
        pixels += zip(line[0::3], line[1::3], line[2::3], strict=True)
        above = line
    return pixels


def _unfilter(kind: int, line: bytearray, above: bytearray) -> None:
    """Undo the filter of a line in place."""
    if kind == 0:
        return
    for place, value in enumerate(line):
        left = line[place - _CHANNELS] if place >= _CHANNELS else 0
        corner = above[place - _CHANNELS] if place >= _CHANNELS else 0
        up = above[place]
        predicted = (left, up, (left + up) // 2, _paeth(left, up, corner))[kind - 1]
        line[place] = (value + predicted) & 0xFF


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda value: abs(guess - value))


def _choose(counted: Counter[Colour]) -> list[Colour]:
    """Return the most frequent colours that differ; shades between them only where there is room left."""
    ranked = [colour for colour, _count in counted.most_common()]
    palette: list[Colour] = []
    for colour in ranked:
        if len(palette) == _COLOURS:
            return palette
        if not palette or _distance(palette, colour, _nearest(palette, colour)) > _ALIKE:
            palette.append(colour)
    known = set(palette)
    return (palette + [colour for colour in ranked if colour not in known])[:_COLOURS]


def _nearest(palette: Sequence[Colour], colour: Colour) -> int:
    return min(range(len(palette)), key=partial(_distance, palette, colour))


def _distance(palette: Sequence[Colour], colour: Colour, place: int) -> int:
    return sum((one - other) ** 2 for one, other in zip(palette[place], colour, strict=True))
