/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* ACPI specification 6.5, chapter 5. All numbers are little-endian, nothing is aligned. */

#define ACPI_RSDP_SIGNATURE "RSD PTR "
#define ACPI_RSDP_V1_BYTES  20u /* bytes of the RSDP that its first checksum covers */

struct acpi_rsdp {
	char signature[8];
	u8 checksum;
	char oem_id[6];
	u8 revision; /* 0: the RSDP of ACPI 1.0, which ends after 20 bytes */
	u32 rsdt_address;
	u32 length;
	u64 xsdt_address;
	u8 extended_checksum;
	u8 reserved[3];
} PACKED;
_Static_assert(sizeof(struct acpi_rsdp) == 36, "ACPI 5.2.5.3");
_Static_assert(offsetof(struct acpi_rsdp, xsdt_address) == 24, "ACPI 5.2.5.3");

struct acpi_header {
	char signature[4];
	u32 length; /* the size of the whole table in bytes, with this header */
	u8 revision;
	u8 checksum;
	char oem_id[6];
	char oem_table_id[8];
	u32 oem_revision;
	char creator_id[4];
	u32 creator_revision;
} PACKED;
_Static_assert(sizeof(struct acpi_header) == 36, "ACPI 5.2.6");

/* Multiple APIC description table, ACPI 5.2.12; its entries follow. */
struct acpi_madt {
	struct acpi_header header; /* signature "APIC" */
	u32 lapic_address;
	u32 flags;
} PACKED;
_Static_assert(sizeof(struct acpi_madt) == 44, "ACPI 5.2.12");
#define ACPI_MADT_PCAT_COMPAT (1u << 0) /* the PC has two 8259s besides its APICs */

enum acpi_madt_type {
	ACPI_MADT_LAPIC = 0,
	ACPI_MADT_IOAPIC = 1,
	ACPI_MADT_OVERRIDE = 2,
	ACPI_MADT_LAPIC_NMI = 4,
	ACPI_MADT_LAPIC_ADDRESS = 5,
	ACPI_MADT_X2APIC = 9,
};

struct acpi_madt_entry {
	u8 type;
	u8 length;
} PACKED;

#define ACPI_CPU_ENABLED (1u << 0)

struct acpi_madt_lapic {
	struct acpi_madt_entry entry;
	u8 processor_uid;
	u8 apic_id;
	u32 flags;
} PACKED;
_Static_assert(sizeof(struct acpi_madt_lapic) == 8, "ACPI 5.2.12.2");

struct acpi_madt_ioapic {
	struct acpi_madt_entry entry;
	u8 ioapic_id;
	u8 reserved;
	u32 address;
	u32 gsi_base;
} PACKED;
_Static_assert(sizeof(struct acpi_madt_ioapic) == 12, "ACPI 5.2.12.3");

/* Polarity and trigger mode of an interrupt in an override or NMI entry, ACPI table 5.26. */
#define ACPI_INTI_POLARITY    0x3u
#define ACPI_INTI_ACTIVE_HIGH 0x1u
#define ACPI_INTI_ACTIVE_LOW  0x3u
#define ACPI_INTI_TRIGGER     0xcu
#define ACPI_INTI_LEVEL	      0xcu

struct acpi_madt_override {
	struct acpi_madt_entry entry;
	u8 bus; /* the bus of the overridden interrupt; 0: the ISA bus */
	u8 source;
	u32 gsi;
	u16 flags;
} PACKED;
_Static_assert(sizeof(struct acpi_madt_override) == 10, "ACPI 5.2.12.5");

struct acpi_madt_lapic_nmi {
	struct acpi_madt_entry entry;
	u8 processor_uid; /* 0xff: all processors */
	u16 flags;
	u8 lint;
} PACKED;
_Static_assert(sizeof(struct acpi_madt_lapic_nmi) == 6, "ACPI 5.2.12.7");

struct acpi_madt_lapic_address {
	struct acpi_madt_entry entry;
	u16 reserved;
	u64 address;
} PACKED;
_Static_assert(sizeof(struct acpi_madt_lapic_address) == 12, "ACPI 5.2.12.8");

struct acpi_madt_x2apic {
	struct acpi_madt_entry entry;
	u16 reserved;
	u32 x2apic_id;
	u32 flags;
	u32 processor_uid;
} PACKED;
_Static_assert(sizeof(struct acpi_madt_x2apic) == 16, "ACPI 5.2.12.12");

/*
 * System resource affinity table, ACPI 5.2.16; its entries follow, each with type and length as in
 * the MADT.
 */
struct acpi_srat {
	struct acpi_header header; /* signature "SRAT" */
	u8 reserved[12];
} PACKED;
_Static_assert(sizeof(struct acpi_srat) == 48, "ACPI 5.2.16");

enum acpi_srat_type {
	ACPI_SRAT_LAPIC = 0,
	ACPI_SRAT_MEMORY = 1,
	ACPI_SRAT_X2APIC = 2,
};

#define ACPI_SRAT_ENABLED (1u << 0)

struct acpi_srat_lapic {
	struct acpi_madt_entry entry;
	u8 domain_low;
	u8 apic_id;
	u32 flags;
	u8 sapic_eid;
	u8 domain_high[3];
	u32 clock_domain;
} PACKED;
_Static_assert(sizeof(struct acpi_srat_lapic) == 16, "ACPI 5.2.16.1");

struct acpi_srat_memory {
	struct acpi_madt_entry entry;
	u32 domain;
	u16 reserved0;
	u64 base;
	u64 length;
	u32 reserved1;
	u32 flags;
	u64 reserved2;
} PACKED;
_Static_assert(sizeof(struct acpi_srat_memory) == 40, "ACPI 5.2.16.2");

struct acpi_srat_x2apic {
	struct acpi_madt_entry entry;
	u16 reserved0;
	u32 domain;
	u32 x2apic_id;
	u32 flags;
	u32 clock_domain;
	u32 reserved1;
} PACKED;
_Static_assert(sizeof(struct acpi_srat_x2apic) == 24, "ACPI 5.2.16.3");
