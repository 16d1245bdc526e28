/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/syscall.h"
#include "lib/types.h"

/* The host's IOMMUs according to ACPI's DMAR (Intel) or IVRS (AMD). */
#define IOMMU_UNITS_MAX	   8u
#define IOMMU_SCOPES_MAX   512u
#define IOMMU_RESERVED_MAX 32u
#define IOMMU_PATH_MAX	   4u
#define IOMMU_IOAPICS_MAX  8u

enum iommu_scope_kind {
	IOMMU_SCOPE_FUNCTION, /* the function at the end of the path */
	IOMMU_SCOPE_BRIDGE,   /* the bridge at the path and all devices behind it */
	IOMMU_SCOPE_RANGE,    /* all requesters from `first` to `last` */
	IOMMU_SCOPE_REST,     /* all devices of the segment that no other scope names */
};

/* A set of PCI functions: those of one IOMMU, or those for which a region is reserved. */
struct iommu_scope {
	u8 kind;       /* enum iommu_scope_kind */
	u8 owner;      /* index in the table of the IOMMU or of the region */
	bool reserved; /* the owner is a region of reserved memory */
	/* the devices' requests carry the requester id `alias` in place of their own */
	bool aliased;
	u16 segment;
	u16 alias;
	u16 first; /* the first requester id: bus << 8 | device << 3 | function */
	u16 last;
	u8 path_count; /* number of entries in `path`; 0: there is no path */
	u8 bus;	       /* bus where the path begins */
	/* device << 3 | function of each bridge on the way, and of the device at the path's end */
	u8 path[IOMMU_PATH_MAX];
};

struct iommu_entry {
	u64 registers;
	u16 segment;
	u16 function; /* AMD: the PCI function that is the IOMMU itself */
	enum iommu_kind kind;
};

/*
 * A reserved region: memory that devices use, as the firmware has set them up, until their drivers
 * start.
 */
struct iommu_region {
	u64 base;
	u64 bytes; /* size of the region, a multiple of the page size */
};

/* An I/O APIC, which makes requests to interrupt like a device. */
struct iommu_ioapic {
	u32 id;	  /* the I/O APIC's id, as in the MADT */
	u8 owner; /* index of its IOMMU in the table */
	u16 requester;
};

struct iommu_table {
	u32 unit_count;
	u32 scope_count;
	u32 region_count;
	u32 left_out; /* number of entries left out, as there was no room or they cannot be true */
	struct iommu_entry unit[IOMMU_UNITS_MAX];
	struct iommu_scope scope[IOMMU_SCOPES_MAX];
	struct iommu_region region[IOMMU_RESERVED_MAX];
	bool remap; /* the firmware allows that interrupts are remapped */
	u32 ioapic_count;
	struct iommu_ioapic ioapic[IOMMU_IOAPICS_MAX];
};

/*
 * Add the entries of the ACPI table DMAR or IVRS, whose checksum is good. Impossible entries are
 * counted as left out.
 */
void dmar_parse(const u8 *table, u32 bytes, struct iommu_table *found);
void ivrs_parse(const u8 *table, u32 bytes, struct iommu_table *found);

/*
 * The two functions below return the index of the new entry, or IOMMU_NONE if the entry was left
 * out.
 */
#define IOMMU_NONE (~0u)
u32 iommu_table_unit(struct iommu_table *found, const struct iommu_entry *unit);
u32 iommu_table_region(struct iommu_table *found, u64 base, u64 last);
void iommu_table_scope(struct iommu_table *found, const struct iommu_scope *scope);
void iommu_table_ioapic(struct iommu_table *found, const struct iommu_ioapic *ioapic);
