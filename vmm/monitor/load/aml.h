/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Writes ACPI machine language (ACPI 6.4, chapter 20) into a buffer. What does not fit is counted
 * but not written: `length` is above `size` then.
 */
struct aml {
	u8 *bytes;
	u32 size;
	u32 length;
};

void aml_byte(struct aml *aml, u8 value);

/* Opens a package (scope, device, buffer, ...); aml_close takes what aml_open returned. */
u32 aml_open(struct aml *aml, u16 opcode);
void aml_close(struct aml *aml, u32 opened);

/* A name segment, 1 to 4 characters, padded with '_'; with "\\" before it, one of the root. */
void aml_name(struct aml *aml, const char *name);
/* Name (NAME, integer), Name (NAME, EisaId (ID)), Name (NAME, "text") */
void aml_name_integer(struct aml *aml, const char *name, u8 value);
void aml_name_eisa(struct aml *aml, const char *name, const char *id);
void aml_name_string(struct aml *aml, const char *name, const char *text);
void aml_integer(struct aml *aml, u8 value);

/* Name (_CRS, ResourceTemplate () {...}): `count` ports from `port` on, and an ISA interrupt. */
void aml_port_resources(struct aml *aml, u16 port, u8 count);
void aml_isa_resources(struct aml *aml, u16 port, u8 count, u8 irq);

enum aml_opcode {
	AML_NAME = 0x08,
	AML_BYTE = 0x0a,
	AML_DWORD = 0x0c,
	AML_STRING = 0x0d,
	AML_SCOPE = 0x10,
	AML_BUFFER = 0x11,
	AML_PACKAGE = 0x12,
	AML_DEVICE = 0x5b82,
};
