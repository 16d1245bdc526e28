/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Firmware's tables in a piece of physical memory. Checksums do not stop an attacker, but would
 * stop a fuzzer: the input says which tables get a right one.
 */
#define FUZZ_ACPI_BASE	0xe0000ull
#define FUZZ_ACPI_BYTES 2048u

static u8 *fuzz_acpi_memory;
static size_t fuzz_acpi_bytes;

static UNUSED const void *fuzz_acpi_at(u64 address, u64 length)
{
	if (address < FUZZ_ACPI_BASE || address - FUZZ_ACPI_BASE > fuzz_acpi_bytes ||
	    length > fuzz_acpi_bytes - (address - FUZZ_ACPI_BASE))
		return NULL;
	return fuzz_acpi_memory + (address - FUZZ_ACPI_BASE);
}

/* Sets the byte at `at + sum` so that the `length` bytes at `at` add up to zero. */
static void fuzz_acpi_seal(u64 at, u64 length, u64 sum)
{
	u8 total = 0;

	if (at > fuzz_acpi_bytes || length > fuzz_acpi_bytes - at || sum >= length)
		return;
	fuzz_acpi_memory[at + sum] = 0;
	for (u64 i = 0; i < length; i++)
		total = (u8)(total + fuzz_acpi_memory[at + i]);
	fuzz_acpi_memory[at + sum] = (u8)-total;
}

/* The root pointer is at the start; each table begins at a multiple of 64. */
static void fuzz_acpi_start(const u8 *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size < FUZZ_ACPI_BYTES ? size : FUZZ_ACPI_BYTES};
	u32 sealed = fuzz_u32(&fuzz);

	fuzz_acpi_memory = fuzz_rest(&fuzz, &fuzz_acpi_bytes);
	for (u32 i = 1; i < 32; i++) {
		u32 length;

		if (!(sealed >> i & 1) || 64 * i + sizeof(struct acpi_header) > fuzz_acpi_bytes)
			continue;
		memcpy(&length, fuzz_acpi_memory + 64 * i + 4, 4);
		fuzz_acpi_seal(64 * i, length, offsetof(struct acpi_header, checksum));
	}
	if (sealed & 1) {
		fuzz_acpi_seal(0, 20, offsetof(struct acpi_rsdp, checksum));
		fuzz_acpi_seal(0, 36, offsetof(struct acpi_rsdp, extended_checksum));
	}
}
