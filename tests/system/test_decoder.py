# SPDX-License-Identifier: MIT
"""The decoder's lengths agree with objdump over the whole text of Debian's cloud kernel."""
import re
import struct
import subprocess

LZ4_LEGACY = b"\x02\x21\x4c\x18"
SECTIONS = (".text", ".init.text", ".exit.text", ".altinstr_replacement", ".altinstr_aux")


def unpack(kernel):
    """Returns the ELF file inside a bzImage (Documentation/x86/boot.rst, payload_offset)."""
    image = kernel.read_bytes()
    setup_bytes = ((image[0x1f1] or 4) + 1) * 512
    offset, length = struct.unpack_from("<II", image, 0x248)
    payload = image[setup_bytes + offset:setup_bytes + offset + length]
    assert payload[:4] == LZ4_LEGACY, "not packed with LZ4"
    # the last word of a gzip file is the size of the unpacked file
    size, = struct.unpack("<I", payload[-4:])
    elf = subprocess.run(["lz4", "-d", "-c", "-q"], input=payload[:-4], check=True,
                         stdout=subprocess.PIPE).stdout
    assert len(elf) == size
    return elf


def test_lengths_of_debians_kernel(build, tmp_path):
    elf = tmp_path / "vmlinux"
    elf.write_bytes(unpack(build / "guests/vmlinuz"))
    with subprocess.Popen(["objdump", "-d", "-z", "-w", "--insn-width=15", "--no-addresses",
                           *[word for section in SECTIONS for word in ("-j", section)], elf],
                          stdout=subprocess.PIPE) as objdump:
        done = subprocess.run([build / "tests/tools/decode_lines"], stdin=objdump.stdout,
                              text=True, stdout=subprocess.PIPE)
    compared, left_out = map(int, re.search(r"(\d+) compared, (\d+) left out",
                                            done.stdout).groups())
    assert done.returncode == 0 and objdump.returncode == 0, done.stdout
    assert compared > 5_000_000 and left_out < 100, done.stdout
