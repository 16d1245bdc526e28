#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Decrypts the image of an encrypted disk (docs/components/encryption.md), written from the specifications
alone and slowly: it shares nothing with Skerry's own code.

    disk_secret.py IMAGE DISK KEY [FIRST [COUNT]] >plain     blocks of 4 KiB; DISK is the name of its section
"""
import hashlib
import hmac
import struct
import sys

BLOCK = 4096
MAGIC = b"SKERRY ENCRYPTED"
WORD = 0xffffffff
P1305 = (1 << 130) - 5


def hkdf(secret, salt, info, size):
    """RFC 5869 with SHA-256."""
    key = hmac.digest(salt or bytes(32), secret, "sha256")
    out, last = b"", b""
    for number in range(1, size // 32 + 2):
        last = hmac.digest(key, last + info + bytes([number]), "sha256")
        out += last
    return out[:size]


def chacha_rounds(state, rounds=12):
    state = list(state)

    def turn(value, count):
        return (value << count | value >> 32 - count) & WORD

    def quarter(a, b, c, d):
        for x, y, z, count in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[x] = state[x] + state[y] & WORD
            state[z] = turn(state[z] ^ state[x], count)

    for _ in range(rounds // 2):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return state


def xchacha(key, nonce, count):
    """So many bytes of the stream, with 12 rounds."""
    constants = struct.unpack("<4I", b"expand 32-byte k")
    state = chacha_rounds((*constants, *struct.unpack("<8I", key), *struct.unpack("<4I", nonce[:16])))
    subkey = state[:4] + state[12:]
    out = b""
    for number in range(-(-count // 64)):
        start = (*constants, *subkey, number & WORD, number >> 32, *struct.unpack("<2I", nonce[16:]))
        out += struct.pack("<16I", *(a + b & WORD for a, b in zip(chacha_rounds(start), start)))
    return out[:count]


def times(a, b):
    """A product in the field of AES."""
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a = a << 1 ^ (0x11b if a & 0x80 else 0)
        b >>= 1
    return product


def substituted(byte):
    inverse = next((x for x in range(256) if times(byte, x) == 1), 0)
    ring = inverse * 0x101
    return (inverse ^ ring >> 4 ^ ring >> 5 ^ ring >> 6 ^ ring >> 7) & 0xff ^ 0x63


SBOX = [substituted(byte) for byte in range(256)]
BACK = [SBOX.index(byte) for byte in range(256)]


def aes_keys(key):
    """FIPS 197, 5.2: the 15 round keys of AES-256."""
    words = [list(key[i:i + 4]) for i in range(0, 32, 4)]
    constant = 1
    for i in range(8, 60):
        last = words[-1]
        if i % 8 == 0:
            last = [SBOX[x] for x in last[1:] + last[:1]]
            last[0] ^= constant
            constant <<= 1
        elif i % 8 == 4:
            last = [SBOX[x] for x in last]
        words.append([a ^ b for a, b in zip(words[i - 8], last)])
    return [sum(words[i:i + 4], []) for i in range(0, 60, 4)]


def aes_decrypt(keys, block):
    state = [a ^ b for a, b in zip(block, keys[14])]
    for number in range(13, -1, -1):
        state = [BACK[state[(4 * (i // 4 - i % 4) + i % 4) % 16]] for i in range(16)]
        state = [a ^ b for a, b in zip(state, keys[number])]
        if number:
            state = [times(state[i], 14) ^ times(state[i // 4 * 4 + (i + 1) % 4], 11) ^
                     times(state[i // 4 * 4 + (i + 2) % 4], 13) ^ times(state[i // 4 * 4 + (i + 3) % 4], 9)
                     for i in range(16)]
    return bytes(state)


def poly1305(key, text):
    """RFC 8439, 2.5, before anything is added."""
    r = int.from_bytes(key, "little") & 0x0ffffffc0ffffffc0ffffffc0fffffff
    total = 0
    for i in range(0, len(text), 16):
        total = (total + int.from_bytes(text[i:i + 16] + b"\1", "little")) * r % P1305
    return total


class Adiantum:
    def __init__(self, key):
        keys = xchacha(key, b"\1" + bytes(23), 32 + 16 + 16 + 1072)
        self.stream = key
        self.aes = aes_keys(keys[:32])
        self.tweak_key, self.text_key = keys[32:48], keys[48:64]
        self.nh_key = struct.unpack("<268I", keys[64:])

    def nh(self, text):
        words = struct.unpack(f"<{len(text) // 4}I", text)
        sums = (sum((words[i + j] + self.nh_key[i + j + 4 * row] & WORD) *
                    (words[i + j + 2] + self.nh_key[i + j + 2 + 4 * row] & WORD)
                    for i in range(0, len(words), 4) for j in (0, 1)) for row in range(4))
        return struct.pack("<4Q", *(total & (1 << 64) - 1 for total in sums))

    def hash(self, tweak, text):
        padded = text + bytes(-len(text) % 16)
        hashed = b"".join(self.nh(padded[i:i + 1024]) for i in range(0, len(padded), 1024))
        return (poly1305(self.tweak_key, (8 * len(text)).to_bytes(16, "little") + tweak) +
                poly1305(self.text_key, hashed))

    def decrypt(self, tweak, block):
        left, right = block[:-16], int.from_bytes(block[-16:], "little")
        middle = (right + self.hash(tweak, left) & (1 << 128) - 1).to_bytes(16, "little")
        stream = xchacha(self.stream, middle + b"\1" + bytes(7), len(left))
        left = bytes(a ^ b for a, b in zip(left, stream))
        right = int.from_bytes(aes_decrypt(self.aes, middle), "little") - self.hash(tweak, left)
        return left + (right & (1 << 128) - 1).to_bytes(16, "little")


class Disk:
    """The guest's blocks of an image; the key is the one in skerry.keys, and `name` the disk's."""

    def __init__(self, image, name, key, purpose="skerry disk 1 of"):
        self.image = image
        header = image[:BLOCK]
        if header[:16] != MAGIC or struct.unpack("<II", header[16:24]) != (1, BLOCK):
            raise ValueError("this is no encrypted disk of version 1; use the image of one")
        own = hkdf(key, b"", f"{purpose} {name}".encode(), 32)
        keys = hkdf(own, header[32:64], b"skerry disk blocks 1", 64)
        if not hmac.compare_digest(hmac.digest(keys[32:], header[:64], hashlib.sha256), header[64:96]):
            raise ValueError("the key is wrong; use the key and the name that the disk was first used with")
        self.cipher = Adiantum(keys[:32])

    def __len__(self):
        return len(self.image) // BLOCK - 1

    def block(self, number):
        at = (number + 1) * BLOCK
        return self.cipher.decrypt((number * 8).to_bytes(32, "little"), self.image[at:at + BLOCK])


def main():
    if len(sys.argv) not in (4, 5, 6):
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as file:
        try:
            disk = Disk(file.read(), sys.argv[2], bytes.fromhex(sys.argv[3]))
        except ValueError as problem:
            sys.exit(f"disk_secret.py: {problem}")
    first = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    count = int(sys.argv[5]) if len(sys.argv) > 5 else len(disk) - first
    for number in range(first, first + count):
        sys.stdout.buffer.write(disk.block(number))


if __name__ == "__main__":
    main()
