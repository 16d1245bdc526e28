/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/syscall.h"
#include "lib/lock.h"
#include "mm/space.h"

#define IOMMU_MAX      8u
#define IOMMU_DOMAINS  64u    /* domains of each unit; domain 0 is unused */
#define IOMMU_MESSAGES 256ull /* entries in a table of interrupts, one for each vector */

/* The pages at struct iommu.ring. */
enum iommu_page {
	IOMMU_PAGE_COMMANDS,
	IOMMU_PAGE_WORD, /* the word that a wait command writes in the end */
	IOMMU_PAGE_ROOT, /* VT-d only: the root table, of one page */
	/* the pages of interrupt entries; AMD-Vi has a table for each domain */
	IOMMU_PAGE_MESSAGES,
	IOMMU_PAGES = IOMMU_PAGE_MESSAGES + 16
};

/*
 * A space that a device may reach. Its index in the array is the domain number in the unit's
 * tables.
 */
struct iommu_domain {
	struct space *space; /* NULL: the domain is free */
	u32 source;	     /* requester id of the device; IOMMU_NO_SOURCE: none is attached */
};
#define IOMMU_NO_SOURCE (~0u)

/* An interrupt that a device raises by writing a message, or an I/O APIC's line. */
struct iommu_message {
	u64 unit;   /* number of the IOMMU that remaps the interrupt, or IOMMU_NOBODY */
	u64 source; /* id of the only requester that may raise this interrupt by its entry */
	u32 vector; /* the vector, also the index of the interrupt's entry */
	/* APIC id of the CPU that takes the interrupt; IOAPIC_ALL_CPUS: an NMI for all CPUs */
	u32 apic_id;
	bool level;
};

/* An IOMMU; its lock guards all fields. */
struct iommu {
	struct lock lock;
	const struct iommu_ops *ops;
	u8 *registers;
	u8 *ring;     /* the command ring, one of the pages of enum iommu_page */
	u64 *devices; /* AMD-Vi: the device table, an entry for each requester */
	/* VT-d: the bits VTD_DRAIN with which a descriptor also waits for pending requests */
	u64 drain;
	u64 high;      /* the end of the device addresses that the unit can translate */
	u32 command;   /* offset of the next command in the ring, in bytes */
	bool coherent; /* the unit reads tables through the CPUs' caches */
	bool caches_absent;
	bool large; /* the unit supports leaves of 2 MiB */
	/* the unit remaps interrupts; before it starts: whether it should, if it can */
	bool remaps;
	struct iommu_domain domain[IOMMU_DOMAINS];
};

/* The operations of a kind of IOMMU; the caller holds the unit's lock. */
struct iommu_ops {
	const struct pt_format *format;
	u32 register_pages;
	/* offset of the register that holds the end of the commands in the ring */
	u32 command_tail;
	/* Takes the unit into use, every device blocked. STATUS_NOT_SUPPORTED, STATUS_NO_MEMORY. */
	enum status (*start)(struct iommu *unit);
	/*
	 * Lets the device reach the domain's space; with domain 0 the device reaches nothing.
	 * STATUS_NO_MEMORY.
	 */
	enum status (*set)(struct iommu *unit, u32 source, u32 domain);
	/* Gives commands that drop what the unit caches of the device and of the domain. */
	void (*forget)(struct iommu *unit, u32 source, u32 domain);
	/*
	 * Lets the domain's device raise the interrupt; domain 0: no device may. Changes *value,
	 * the message as it would be without an IOMMU, if the unit needs another one.
	 */
	void (*message)(struct iommu *unit, u32 domain, const struct iommu_message *message,
			u64 *value);
	/* Gives a command that writes `value` to the word once all earlier commands are done. */
	void (*wait)(struct iommu *unit, hpa_t word, u32 value);
};

extern const struct iommu_ops iommu_vtd;
extern const struct iommu_ops iommu_amdvi;

/*
 * The four calls that kernel/abi/syscall.h describes: SYS_IOMMU_CREATE, SYS_IOMMU_SPACE,
 * SYS_IOMMU_ATTACH and SYS_SPACE_POPULATE.
 */
enum status iommu_create(hpa_t registers, u64 kind, bool remap, u64 *number) MUST_CHECK;
enum status iommu_space_create(u64 number, struct quota *quota, struct space **space) MUST_CHECK;
/* Attaches a device to a space; NULL: the device reaches nothing. */
enum status iommu_attach(u64 number, u64 source, struct space *space) MUST_CHECK;
enum status iommu_populate(struct space *space, u64 at, u32 access, u64 *bytes) MUST_CHECK;
/*
 * Returns in *value what raises an interrupt, as SYS_IRQ_MESSAGE does. Its IOMMU lets the message
 * pass from now on, or blocks it. STATUS_NOT_FOUND: there is no such IOMMU or requester, or the
 * IOMMU does not remap interrupts; STATUS_BAD_STATE: the requester is attached to no space, so that
 * the message is blocked.
 */
enum status iommu_message(const struct iommu_message *message, bool blocked, u64 *value) MUST_CHECK;

/* The functions below are for amdvi.c and vtd.c. */
static inline void *iommu_page(const struct iommu *unit, enum iommu_page page)
{
	return unit->ring + page * PAGE_SIZE;
}
/* Read and write a register at this offset in bytes. */
u32 iommu_read32(const struct iommu *unit, u32 offset);
void iommu_write32(const struct iommu *unit, u32 offset, u32 value);
u64 iommu_read64(const struct iommu *unit, u32 offset);
void iommu_write64(const struct iommu *unit, u32 offset, u64 value);
/* Waits until `bits` of the register equal `value`; panics if that takes too long. */
void iommu_expect32(const struct iommu *unit, u32 offset, u32 bits, u32 value);
/* Puts a command of 16 bytes into the ring and tells the unit that it is there. */
void iommu_command(struct iommu *unit, u64 first, u64 second);
/* Waits until the unit has carried out all commands; panics if that takes too long. */
void iommu_confirm(struct iommu *unit);
/* Writes an entry of a table so that the unit sees it, whether or not it snoops caches. */
void iommu_entry_write(const struct iommu *unit, u64 *entry, u64 value);
