/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/hw/acpi.h"

/* ACPI tables of Intel's and AMD's IOMMUs. */

/*
 * DMA remapping table (VT-d specification 4.1, section 8.1); structures follow, each with a type
 * and a length of 16 bits.
 */
struct acpi_dmar {
	struct acpi_header header; /* signature "DMAR" */
	u8 address_width;	   /* width of the addresses that DMA can reach, in bits, minus 1 */
	u8 flags;
	u8 reserved[10];
} PACKED;
_Static_assert(sizeof(struct acpi_dmar) == 48, "VT-d 8.1");

enum acpi_dmar_type {
	ACPI_DMAR_UNIT = 0,
	ACPI_DMAR_RESERVED = 1,
};

struct acpi_dmar_entry {
	u16 type;
	u16 length;
} PACKED;

#define ACPI_DMAR_REMAP (1u << 0) /* flag of the DMAR table: interrupts may be remapped */
/*
 * flag of a remapping unit (an IOMMU): it has all devices of its PCI segment that no other unit has
 */
#define ACPI_DMAR_ALL (1u << 0)

/* A remapping unit (an IOMMU); the scopes of its devices follow. */
struct acpi_dmar_unit {
	struct acpi_dmar_entry entry;
	u8 flags;
	u8 size;
	u16 segment;
	u64 registers;
} PACKED;
_Static_assert(sizeof(struct acpi_dmar_unit) == 16, "VT-d 8.3");

/* Memory that the firmware has reserved for devices; the scopes of these devices follow. */
struct acpi_dmar_reserved {
	struct acpi_dmar_entry entry;
	u16 reserved;
	u16 segment;
	u64 base;
	u64 last;
} PACKED;
_Static_assert(sizeof(struct acpi_dmar_reserved) == 24, "VT-d 8.4");

enum acpi_dmar_scope_type {
	ACPI_DMAR_FUNCTION = 1,
	ACPI_DMAR_BRIDGE = 2, /* the scope is a bridge and all devices behind it */
	ACPI_DMAR_IOAPIC = 3, /* the scope is an I/O APIC, named by its id in the MADT */
};

/*
 * A scope: a device, or a bridge with all behind it. Pairs of device and function number follow:
 * the path to the device, from bus `bus` downwards.
 */
struct acpi_dmar_scope {
	u8 type;
	u8 length;
	u16 reserved;
	u8 enumeration;
	u8 bus;
} PACKED;
_Static_assert(sizeof(struct acpi_dmar_scope) == 6, "VT-d 8.3.1");

/* I/O virtualization reporting structure (AMD IOMMU specification 3.10, 5.2); blocks follow. */
struct acpi_ivrs {
	struct acpi_header header; /* signature "IVRS" */
	u32 info;
	u8 reserved[8];
} PACKED;
_Static_assert(sizeof(struct acpi_ivrs) == 48, "AMD IOMMU 5.2.1");

enum acpi_ivrs_type {
	ACPI_IVRS_UNIT = 0x10,
	ACPI_IVRS_UNIT_WIDE = 0x11,
	ACPI_IVRS_UNIT_NAMED = 0x40,
	ACPI_IVRS_MEMORY_ALL = 0x20,
	ACPI_IVRS_MEMORY = 0x21,
	ACPI_IVRS_MEMORY_RANGE = 0x22,
};

struct acpi_ivrs_block {
	u8 type;
	u8 flags;
	u16 length;
	u16 device;
} PACKED;

/*
 * The bytes before the device entries of a unit (an IOMMU) of type ACPI_IVRS_UNIT; the other two
 * types have 16 more.
 */
#define ACPI_IVRS_UNIT_BYTES 24u
struct acpi_ivrs_unit {
	struct acpi_ivrs_block block;
	u16 capability;
	u64 registers;
	u16 segment;
	u16 info;
	u32 features;
} PACKED;
_Static_assert(sizeof(struct acpi_ivrs_unit) == ACPI_IVRS_UNIT_BYTES, "AMD IOMMU 5.2.2.1");

/*
 * Types of a unit's device entries. The upper two bits of a type say how long the entry is: 4, 8,
 * 16 or 32 bytes.
 */
enum acpi_ivrs_device {
	ACPI_IVRS_ALL = 1,
	ACPI_IVRS_ONE = 2,
	ACPI_IVRS_FIRST = 3,
	ACPI_IVRS_LAST = 4,
	ACPI_IVRS_ALIAS_ONE = 0x42,
	ACPI_IVRS_ALIAS_FIRST = 0x43,
	ACPI_IVRS_EXTENDED_ONE = 0x46,
	ACPI_IVRS_EXTENDED_FIRST = 0x47,
	/* a special device: byte 4 has its id in the MADT, byte 5 its requester, byte 7 its kind */
	ACPI_IVRS_SPECIAL = 0x48,
	/* byte 21 tells how many bytes the entry has besides its first 22 */
	ACPI_IVRS_NAMED = 0xf0,
};

#define ACPI_IVRS_SPECIAL_IOAPIC 1u

struct acpi_ivrs_memory {
	struct acpi_ivrs_block block;
	u16 last; /* the requester id of the last device of a range */
	u8 reserved[8];
	u64 base;
	u64 bytes;
} PACKED;
_Static_assert(sizeof(struct acpi_ivrs_memory) == 32, "AMD IOMMU 5.2.2.7");
