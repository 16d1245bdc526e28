# SPDX-License-Identifier: MIT
"""Makes a picture of a screen small: a palette of 255 colours instead of 24 bits a pixel."""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunks(data):
    at = len(SIGNATURE)
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        yield kind, data[at + 8:at + 8 + size]
        at += 12 + size


def unfilter(kind, row, above, step):
    """
    Undoes a row's filter (PNG specification, section 9): each byte is a difference to its
    neighbours.
    """
    if kind == 1:
        for n in range(step, len(row)):
            row[n] = (row[n] + row[n - step]) & 255
    elif kind == 2:
        for n, up in enumerate(above):
            row[n] = (row[n] + up) & 255
    elif kind == 3:
        for n, up in enumerate(above):
            row[n] = (row[n] + ((row[n - step] if n >= step else 0) + up) // 2) & 255
    elif kind == 4:
        for n, up in enumerate(above):
            left, corner = (row[n - step], above[n - step]) if n >= step else (0, 0)
            guess = left + up - corner
            near = min((abs(guess - left), 0, left), (abs(guess - up), 1, up),
                       (abs(guess - corner), 2, corner))
            row[n] = (row[n] + near[2]) & 255


def pixels(data):
    """Returns (width, height, list of (red, green, blue))."""
    parts = list(chunks(data))
    width, height, depth, kind = struct.unpack(">IIBB", parts[0][1][:10])
    step = {2: 3, 6: 4}[kind]
    assert depth == 8
    raw = zlib.decompress(b"".join(body for name, body in parts if name == b"IDAT"))
    above, found = bytearray(width * step), []
    for at in range(0, len(raw), width * step + 1):
        row = bytearray(raw[at + 1:at + 1 + width * step])
        unfilter(raw[at], row, above, step)
        found += zip(row[0::step], row[1::step], row[2::step])
        above = row
    return width, height, found


def shrink(data):
    width, height, found = pixels(data)
    counts = {}
    for colour in found:
        counts[colour] = counts.get(colour, 0) + 1
    used = sorted(counts, key=counts.get, reverse=True)
    # The most used of each region of colours first, so that a rare red stays red.
    first = {}
    for colour in used:
        first.setdefault(tuple(part >> 5 for part in colour), colour)
    palette = list(dict.fromkeys([*first.values(), *used]))[:255]
    place = {colour: n for n, colour in enumerate(palette)}
    for colour in counts:
        if colour not in place:
            place[colour] = min(range(len(palette)), key=lambda n: sum(
                (a - b) ** 2 for a, b in zip(colour, palette[n])))
    rows = bytearray()
    for at in range(0, len(found), width):
        rows += b"\0" + bytes(place[colour] for colour in found[at:at + width])

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    return SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)) + \
        chunk(b"PLTE", b"".join(bytes(colour) for colour in palette)) + \
        chunk(b"IDAT", zlib.compress(bytes(rows), 9)) + chunk(b"IEND", b"")
