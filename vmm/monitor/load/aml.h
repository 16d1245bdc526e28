/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * A buffer in which ACPI machine language (ACPI 6.4, chapter 20) is written. Bytes that do not fit
 * are counted but not written: `length` is above `size` then.
 */
struct aml {
	u8 *bytes;
	u32 size;
	u32 length;
};

void aml_byte(struct aml *aml, u8 value);

/* Opens a package (scope, device, buffer, ...); the returned value is to be passed to aml_close. */
u32 aml_open(struct aml *aml, u16 opcode);
void aml_close(struct aml *aml, u32 opened);

/*
 * Writes a name segment of 1 to 4 characters, padded with '_'; with "\\" before it, the name is one
 * of the root's.
 */
void aml_name(struct aml *aml, const char *name);
/* Writes the path \OUTER.INNER. */
void aml_path(struct aml *aml, const char *outer, const char *inner);
/* Write Name (NAME, integer), Name (NAME, EisaId (ID)) and Name (NAME, "text"). */
void aml_name_integer(struct aml *aml, const char *name, u8 value);
void aml_name_eisa(struct aml *aml, const char *name, const char *id);
void aml_name_string(struct aml *aml, const char *name, const char *text);
void aml_integer(struct aml *aml, u8 value);
void aml_dword(struct aml *aml, u32 value);

/*
 * Writes Name (_CRS, ResourceTemplate () {...}) with `count` ports from `port` on, and the ISA
 * interrupt `irq`.
 */
void aml_port_resources(struct aml *aml, u16 port, u8 count);
void aml_isa_resources(struct aml *aml, u16 port, u8 count, u8 irq);

/*
 * A resource template with any descriptors is written between aml_resources_open, to which the
 * caller passes the size of all descriptors in bytes, and aml_resources_close, which takes the
 * result of aml_resources_open.
 */
enum aml_range_type {
	AML_RANGE_MEMORY = 0,
	AML_RANGE_PORTS = 1,
	AML_RANGE_BUS = 2,
};
#define AML_PORTS_BYTES	      8u
#define AML_FIXED_BYTES	      12u
#define AML_WORD_RANGE_BYTES  16u
#define AML_DWORD_RANGE_BYTES 26u
#define AML_QWORD_RANGE_BYTES 46u
u32 aml_resources_open(struct aml *aml, u8 bytes);
void aml_resources_close(struct aml *aml, u32 buffer);
void aml_ports(struct aml *aml, u16 port, u8 count);
void aml_fixed_memory(struct aml *aml, u32 base, u32 bytes);
/*
 * Writes the descriptor of an address window that a bridge passes on; its numbers have `width`
 * bytes: 2, 4 or 8.
 */
void aml_range(struct aml *aml, enum aml_range_type type, u32 width, u64 base, u64 length);

enum aml_opcode {
	AML_NAME = 0x08,
	AML_BYTE = 0x0a,
	AML_DWORD = 0x0c,
	AML_STRING = 0x0d,
	AML_SCOPE = 0x10,
	AML_BUFFER = 0x11,
	AML_PACKAGE = 0x12,
	AML_METHOD = 0x14,
	AML_DUAL_NAME = 0x2e,
	AML_NOTIFY = 0x86,
	AML_DEVICE = 0x5b82,
};
