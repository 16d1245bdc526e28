/* SPDX-License-Identifier: MIT */
/*
 * Writes AML (ACPI 6.4, chapter 20) into a buffer. Called by acpi_tables.c and acpi_pci.c; an
 * overflow is noted and nothing is written beyond the end.
 */
#include "vmm/monitor/load/aml.h"

#include "lib/string.h"

/*
 * The number of bytes in which a PkgLength is written. The form of four bytes is not needed: three
 * reach 1 MiB (ACPI 6.4, 20.2.4).
 */
#define PACKAGE_LENGTH_BYTES 3u
#define LENGTH_IN_1_BYTE     0x3fu
#define LENGTH_IN_2_BYTES    0xfffu

void aml_byte(struct aml *aml, u8 value)
{
	if (aml->length < aml->size)
		aml->bytes[aml->length] = value;
	aml->length++;
}

static void aml_number(struct aml *aml, u64 value, u32 bytes)
{
	for (u32 i = 0; i < bytes; i++)
		aml_byte(aml, (u8)(value >> 8 * i));
}

u32 aml_open(struct aml *aml, u16 opcode)
{
	u32 opened;

	if (opcode > 0xff)
		aml_byte(aml, (u8)(opcode >> 8));
	aml_byte(aml, (u8)opcode);
	opened = aml->length;
	for (u32 i = 0; i < PACKAGE_LENGTH_BYTES; i++)
		aml_byte(aml, 0);
	return opened;
}

void aml_close(struct aml *aml, u32 opened)
{
	u32 body = aml->length - opened - PACKAGE_LENGTH_BYTES;
	u32 bytes = body + 1 <= LENGTH_IN_1_BYTE    ? 1
		    : body + 2 <= LENGTH_IN_2_BYTES ? 2
						    : PACKAGE_LENGTH_BYTES;
	u32 length = body + bytes; /* the length counts its own bytes, too */

	if (aml->length > aml->size)
		return;
	memmove(aml->bytes + opened + bytes, aml->bytes + opened + PACKAGE_LENGTH_BYTES, body);
	aml->length -= PACKAGE_LENGTH_BYTES - bytes;
	aml->bytes[opened] = (u8)((bytes - 1) << 6 | (bytes == 1 ? length : length & 0xf));
	if (bytes > 1)
		aml->bytes[opened + 1] = (u8)(length >> 4);
	if (bytes > 2)
		aml->bytes[opened + 2] = (u8)(length >> 12);
}

void aml_name(struct aml *aml, const char *name)
{
	if (*name == '\\')
		aml_byte(aml, (u8)*name++);
	for (u32 i = 0; i < 4; i++)
		aml_byte(aml, *name != '\0' ? (u8)*name++ : '_');
}

void aml_path(struct aml *aml, const char *outer, const char *inner)
{
	aml_byte(aml, '\\');
	aml_byte(aml, AML_DUAL_NAME);
	aml_name(aml, outer);
	aml_name(aml, inner);
}

void aml_integer(struct aml *aml, u8 value)
{
	if (value > 1) /* 0 and 1 have opcodes of their own, ZeroOp and OneOp */
		aml_byte(aml, AML_BYTE);
	aml_byte(aml, value);
}

/* Writes a DWordConst. */
void aml_dword(struct aml *aml, u32 value)
{
	aml_byte(aml, AML_DWORD);
	aml_number(aml, value, sizeof(value));
}

void aml_name_integer(struct aml *aml, const char *name, u8 value)
{
	aml_byte(aml, AML_NAME);
	aml_name(aml, name);
	aml_integer(aml, value);
}

static u32 aml_hex_digit(char c)
{
	return c <= '9' ? (u32)(c - '0') : (u32)(c - 'A' + 10);
}

/*
 * Writes an EISAID: three letters of five bits, four hex digits, the highest byte first (ACPI 6.4,
 * 19.3.4).
 */
void aml_name_eisa(struct aml *aml, const char *name, const char *id)
{
	u32 letters = (u32)(id[0] - '@') << 10 | (u32)(id[1] - '@') << 5 | (u32)(id[2] - '@');
	u32 number = 0;

	for (u32 i = 3; i < 7; i++)
		number = number << 4 | aml_hex_digit(id[i]);
	aml_byte(aml, AML_NAME);
	aml_name(aml, name);
	aml_byte(aml, AML_DWORD);
	aml_byte(aml, (u8)(letters >> 8));
	aml_byte(aml, (u8)letters);
	aml_byte(aml, (u8)(number >> 8));
	aml_byte(aml, (u8)number);
}

void aml_name_string(struct aml *aml, const char *name, const char *text)
{
	aml_byte(aml, AML_NAME);
	aml_name(aml, name);
	aml_byte(aml, AML_STRING);
	do
		aml_byte(aml, (u8)*text);
	while (*text++ != '\0');
}

/* Writes an I/O port descriptor (ACPI 6.4, 6.4.2.5) for ports that decode 16 address bits. */
void aml_ports(struct aml *aml, u16 port, u8 count)
{
	aml_byte(aml, 0x47);
	aml_byte(aml, 1);
	aml_number(aml, port, 2);
	aml_number(aml, port, 2);
	aml_byte(aml, 0);
	aml_byte(aml, count);
}

/* Writes a descriptor of a 32-bit fixed memory range (ACPI 6.4, 6.4.3.4), which can be written. */
void aml_fixed_memory(struct aml *aml, u32 base, u32 bytes)
{
	aml_byte(aml, 0x86);
	aml_number(aml, AML_FIXED_BYTES - 3, 2);
	aml_byte(aml, 1);
	aml_number(aml, base, 4);
	aml_number(aml, bytes, 4);
}

/*
 * Writes a word, dword or qword address space descriptor (ACPI 6.4, 6.4.3.5) for a window that is
 * produced and has both ends fixed.
 */
void aml_range(struct aml *aml, enum aml_range_type type, u32 width, u64 base, u64 length)
{
	aml_byte(aml, width == 2 ? 0x88 : width == 4 ? 0x87 : 0x8a);
	aml_number(aml, 3 + 5ull * width, 2);
	aml_byte(aml, (u8)type);
	aml_byte(aml, 0x0c);
	/* type-specific flags: 1, memory can be written; 3, ports exist over the whole range */
	aml_byte(aml, type == AML_RANGE_MEMORY ? 1 : type == AML_RANGE_PORTS ? 3 : 0);
	aml_number(aml, 0, width); /* the granularity */
	aml_number(aml, base, width);
	aml_number(aml, base + length - 1, width);
	aml_number(aml, 0, width); /* the translation offset */
	aml_number(aml, length, width);
}

/*
 * Opens a resource template whose descriptors take `bytes` bytes; returns the value to be passed to
 * aml_resources_close.
 */
u32 aml_resources_open(struct aml *aml, u8 bytes)
{
	u32 buffer;

	aml_byte(aml, AML_NAME);
	aml_name(aml, "_CRS");
	buffer = aml_open(aml, AML_BUFFER);
	aml_integer(aml, bytes + 2);
	return buffer;
}

void aml_resources_close(struct aml *aml, u32 buffer)
{
	aml_byte(aml, 0x79); /* the end tag (ACPI 6.4, 6.4.2.9) */
	aml_byte(aml, 0);    /* a checksum of 0 means that there is none */
	aml_close(aml, buffer);
}

void aml_port_resources(struct aml *aml, u16 port, u8 count)
{
	u32 buffer = aml_resources_open(aml, 8);

	aml_ports(aml, port, count);
	aml_resources_close(aml, buffer);
}

void aml_isa_resources(struct aml *aml, u16 port, u8 count, u8 irq)
{
	u32 buffer = aml_resources_open(aml, 8 + 3);

	aml_ports(aml, port, count);
	/* an IRQ descriptor (ACPI 6.4, 6.4.2.1) without flags: edge-triggered, active high */
	aml_byte(aml, 0x22);
	aml_number(aml, 1u << irq, 2);
	aml_resources_close(aml, buffer);
}
