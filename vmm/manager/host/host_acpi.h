/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Reads the host's ACPI tables: how the host is switched off and reset, and where PCI's
 * configuration space lies.
 */
#include "lib/types.h"

#define HOST_ACPI_RSDP_BYTES 36u

/*
 * Reads physical memory for the parser: returns `bytes` readable bytes at `hpa`, or NULL if there
 * are none. A call may invalidate what an earlier one returned.
 */
typedef const u8 *host_acpi_read(void *context, u64 hpa, u64 bytes);

/* Returns whether the bytes add up to 0, as those of a table of ACPI or SMBIOS do. */
static inline bool host_acpi_checksum_good(const u8 *bytes, u64 count)
{
	u8 sum = 0;

	for (u64 i = 0; i < count; i++)
		sum = (u8)(sum + bytes[i]);
	return sum == 0;
}

/*
 * The registers that switch this host off and reset it, from its ACPI tables. Unknown ports are 0.
 */
struct host_power {
	const char *problem; /* why power-off is not known; NULL: it is known */
	u16 pm1a_control;
	u16 pm1b_control;
	u8 sleep_type_a; /* SLP_TYPa of \_S5 */
	u8 sleep_type_b;
	u16 smi_command; /* writing acpi_enable to this port turns ACPI mode on */
	u8 acpi_enable;
	u16 reset_port;
	u8 reset_value;
	u8 century; /* index in the CMOS of the RTC's century register; 0: the RTC has none */
};

/*
 * Follows RSDP, XSDT or RSDT, FADT and DSDT (SSDTs if the DSDT has no \_S5). Every table is checked
 * for its length and checksum; a broken one counts as missing.
 */
void host_acpi_parse(const u8 rsdp[HOST_ACPI_RSDP_BYTES], host_acpi_read *read, void *context,
		     struct host_power *power);

/*
 * Returns the first complete table of that signature with a good checksum, valid until the next
 * read, or NULL.
 */
const u8 *host_acpi_find(const u8 rsdp[HOST_ACPI_RSDP_BYTES], host_acpi_read *read, void *context,
			 const char *signature, u32 *bytes);

/* The place in memory of the configuration space of some PCI buses. */
struct host_ecam {
	u64 base; /* address at which bus 0 would be, even if that bus is not among them */
	u16 segment;
	u8 first_bus;
	u8 last_bus;
};

/*
 * Copies the entries of the ACPI table MCFG, at most `room`, and returns their number. Impossible
 * entries are left out.
 */
u32 host_acpi_ecam(const u8 rsdp[HOST_ACPI_RSDP_BYTES], host_acpi_read *read, void *context,
		   struct host_ecam *ecam, u32 room);
