#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the console's reference: the help texts of every command, read from the image."""
import struct
import sys

HEAD = """# Console reference

Every command with its help text, as `help COMMAND` shows it. Generated from the image by
`docs/console_reference.py`; `make docs` checks that it is up to date, `make docs-update` writes it anew.
What the commands are for stands in [the manager](../manager/commands.md).

| command | does |
|---|---|
"""
RELATIVE = 8  # R_X86_64_RELATIVE
FIELDS = ("name", "arguments", "summary", "detail", "example", "keys")


class Image:
    """An ELF file linked at 0: its bytes by address, its pointers from their relocations."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        offset, = struct.unpack_from("<Q", self.data, 40)
        size, count, names = struct.unpack_from("<HHH", self.data, 58)
        self.sections = [struct.unpack_from("<IIQQQQIIQQ", self.data, offset + i * size)
                         for i in range(count)]
        self.names = self.sections[names]
        self.pointers = {}
        for section in self.sections:
            if section[1] == 4:  # SHT_RELA
                self.take_relocations(section)

    def take_relocations(self, section):
        for at in range(section[4], section[4] + section[5], 24):
            place, info, addend = struct.unpack_from("<QQq", self.data, at)
            if info == RELATIVE:
                self.pointers[place] = addend

    def symbols(self):
        for section in self.sections:
            if section[1] != 2:  # SHT_SYMTAB
                continue
            names = self.sections[section[6]][4]
            for at in range(section[4], section[4] + section[5], 24):
                name, _, _, _, value, _ = struct.unpack_from("<IBBHQQ", self.data, at)
                yield self.string_at(names + name), value

    def string_at(self, offset):
        return self.data[offset:self.data.index(b"\0", offset)].decode()

    def text(self, address):
        for section in self.sections:
            if section[1] == 1 and section[3] <= address < section[3] + section[5]:
                return self.string_at(section[4] + address - section[3])
        raise ValueError(f"nothing lies at {address:#x}")

    def commands(self):
        symbols = dict(self.symbols())
        for entry in range(symbols["commands_start"], symbols["commands_end"], 8):
            at = self.pointers[entry]
            yield {field: self.text(self.pointers[at + 8 * i]) if at + 8 * i in self.pointers else ""
                   for i, field in enumerate(FIELDS)}


def cell(text):
    return text.replace("|", "\\|")


def main():
    commands = list(Image(sys.argv[1]).commands())
    assert commands, "the image has no commands"
    out = [HEAD + "\n".join(
        f"| [`{cell(c['name'])}`](#{c['name'].replace(' ', '-')}) | {cell(c['summary'])} |"
        for c in commands)]
    for command in commands:
        out.append(f"## {command['name']}\n\n    {command['name']} {command['arguments']}".rstrip())
        out.append(f"{command['summary'][0].upper()}{command['summary'][1:]}.")
        if command["detail"]:
            out.append("\n".join("    " + line for line in command["detail"].split("\n")))
        if command["keys"]:
            out.append(f"With `-j`: {command['keys']}.")
        out.append(f"Example: `{command['example']}`")
    print("\n\n".join(out))


if __name__ == "__main__":
    main()
