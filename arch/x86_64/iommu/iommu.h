/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/syscall.h"
#include "lib/lock.h"
#include "mm/space.h"

#define IOMMU_MAX      8u
#define IOMMU_DOMAINS  64u /* of each unit, the first of them unused */
#define IOMMU_MESSAGES 256ull /* entries of a table, by the vectors of the interrupts */

/* The pages at `ring`. */
enum iommu_page {
	IOMMU_PAGE_COMMANDS,
	IOMMU_PAGE_WORD,     /* that a command writes */
	IOMMU_PAGE_ROOT,     /* VT-d: the root table */
	IOMMU_PAGE_MESSAGES, /* tables of entries; AMD-Vi: one of each domain */
	IOMMU_PAGES = IOMMU_PAGE_MESSAGES + 16
};

/* A space that a device may reach, known to its unit by its index. */
struct iommu_domain {
	struct space *space; /* NULL: it is free */
	u32 source;	     /* SOURCE_NONE: no device is attached */
};
#define IOMMU_NO_SOURCE (~0u)

/* An interrupt. */
struct iommu_message {
	u64 unit;    /* that remaps it, or IOMMU_NOBODY */
	u64 source;  /* who alone can raise it there */
	u32 vector;  /* also the number of its entry */
	u32 apic_id; /* of the CPU it goes to; IOAPIC_ALL_CPUS: an NMI, to all */
	bool level;
};

/* One unit. Its lock guards all of it. */
struct iommu {
	struct lock lock;
	const struct iommu_ops *ops;
	u8 *registers;
	u8 *ring; /* enum iommu_page */
	u64 *devices; /* AMD-Vi: the device table */
	u64 drain;    /* VT-d: bits of a descriptor */
	u64 high;     /* device addresses lie below */
	u32 command;  /* bytes: where the next command goes */
	bool coherent; /* it reads tables through the CPUs' caches */
	bool caches_absent;
	bool large; /* leaves of 2 MiB */
	bool remaps; /* interrupts: it may, or does */
	struct iommu_domain domain[IOMMU_DOMAINS];
};

/* A kind of unit; the caller holds the unit's lock. */
struct iommu_ops {
	const struct pt_format *format;
	u32 register_pages;
	u32 command_tail; /* the register that says where the commands end */
	/* Takes it into use: every device is blocked. STATUS_NOT_SUPPORTED, STATUS_NO_MEMORY. */
	enum status (*start)(struct iommu *unit);
	/* The device reaches the domain's space; domain 0: nothing. STATUS_NO_MEMORY. */
	enum status (*set)(struct iommu *unit, u32 source, u32 domain);
	/* Gives commands that forget what the unit keeps of the device and of the domain. */
	void (*forget)(struct iommu *unit, u32 source, u32 domain);
	/* The interrupt is its domain's; 0: nobody's. *value: iommu_message's, if it differs. */
	void (*message)(struct iommu *unit, u32 domain, const struct iommu_message *message,
			u64 *value);
	/* A command that writes `value` to the word once those before it are done. */
	void (*wait)(struct iommu *unit, hpa_t word, u32 value);
};

extern const struct iommu_ops iommu_vtd;
extern const struct iommu_ops iommu_amdvi;

/* kernel/abi/syscall.h says what these do. */
enum status iommu_create(hpa_t registers, u64 kind, bool remap, u64 *number) MUST_CHECK;
enum status iommu_space_create(u64 number, struct quota *quota, struct space **space) MUST_CHECK;
/* NULL: it reaches nothing. */
enum status iommu_attach(u64 number, u64 source, struct space *space) MUST_CHECK;
enum status iommu_populate(struct space *space, u64 at, u32 access, u64 *bytes) MUST_CHECK;
/*
 * What raises an interrupt, as SYS_IRQ_MESSAGE gives it. Its unit lets it pass, or blocks it, from
 * now on. STATUS_NOT_FOUND: there is no such unit or source, or interrupts are not remapped;
 * STATUS_BAD_STATE: the source is attached to no space: it is blocked.
 */
enum status iommu_message(const struct iommu_message *message, bool blocked, u64 *value) MUST_CHECK;

/* For the kinds. */
static inline void *iommu_page(const struct iommu *unit, enum iommu_page page)
{
	return unit->ring + page * PAGE_SIZE;
}
u32 iommu_read32(const struct iommu *unit, u32 offset);
void iommu_write32(const struct iommu *unit, u32 offset, u32 value);
u64 iommu_read64(const struct iommu *unit, u32 offset);
void iommu_write64(const struct iommu *unit, u32 offset, u64 value);
/* Waits until the bits in the register are as they are in `value`, or ends the machine. */
void iommu_expect32(const struct iommu *unit, u32 offset, u32 bits, u32 value);
/* Puts 16 bytes into the ring and tells the unit. */
void iommu_command(struct iommu *unit, u64 first, u64 second);
/* Waits until the unit has done what it was told. */
void iommu_confirm(struct iommu *unit);
/* Writes an entry of a table so that the unit sees it. */
void iommu_entry_write(const struct iommu *unit, u64 *entry, u64 value);
