/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/syscall.h"
#include "lib/lock.h"
#include "mm/space.h"

#define IOMMU_MAX      8u
#define IOMMU_DOMAINS  64u    /* domains of each IOMMU; domain 0 is unused */
#define IOMMU_MESSAGES 256ull /* entries in an IOMMU's table of interrupts, one for each vector */

/* The pages at struct iommu.ring that the kernel shares with the IOMMU. */
enum iommu_page {
	IOMMU_PAGE_COMMANDS,
	/* has the word that the IOMMU writes when it has carried out a wait command */
	IOMMU_PAGE_WORD,
	IOMMU_PAGE_ROOT, /* VT-d only: the root table, of one page */
	/* the first of the pages of interrupt entries; AMD-Vi has a table for each domain */
	IOMMU_PAGE_MESSAGES,
	IOMMU_PAGES = IOMMU_PAGE_MESSAGES + 16
};

/*
 * A space that a device may reach. Its index in iommu.domain is the domain's number in the IOMMU's
 * tables.
 */
struct iommu_domain {
	struct space *space; /* the space; NULL: the domain is free */
	u32 source;	     /* requester id of the device; IOMMU_NO_SOURCE: none is attached */
};
#define IOMMU_NO_SOURCE (~0u)

/* An interrupt that a device raises by writing a message, or an I/O APIC's line. */
struct iommu_message {
	u64 unit; /* number of the IOMMU that remaps the interrupt, or IOMMU_NOBODY */
	/* requester id of the only device that may raise this interrupt by its interrupt entry */
	u64 source;
	u32 vector; /* the interrupt's vector, also the index of its interrupt entry */
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
	/*
	 * VT-d: the bits VTD_DRAIN, by which an invalidation also waits for devices' pending
	 * requests
	 */
	u64 drain;
	u64 high;      /* the end of the device addresses that the IOMMU can translate */
	u32 command;   /* offset of the next command in the ring, in bytes */
	bool coherent; /* the IOMMU reads its tables through the CPUs' caches */
	bool caches_absent;
	bool large; /* the IOMMU supports leaves of 2 MiB */
	/* the IOMMU remaps interrupts; before `start`: it should, if it can */
	bool remaps;
	struct iommu_domain domain[IOMMU_DOMAINS];
};

/* The operations of a kind of IOMMU; the caller holds the IOMMU's lock. */
struct iommu_ops {
	const struct pt_format *format;
	u32 register_pages;
	/* offset of the IOMMU's register that holds the end of the commands in the ring */
	u32 command_tail;
	/*
	 * Takes the IOMMU into use, with every device blocked. STATUS_NOT_SUPPORTED,
	 * STATUS_NO_MEMORY.
	 */
	enum status (*start)(struct iommu *unit);
	/*
	 * Lets the device `source` reach the domain's space; with domain 0 the device reaches
	 * nothing. STATUS_NO_MEMORY.
	 */
	enum status (*set)(struct iommu *unit, u32 source, u32 domain);
	/* Gives commands that drop the IOMMU's cached entries of the device and of the domain. */
	void (*forget)(struct iommu *unit, u32 source, u32 domain);
	/*
	 * Lets the domain's device raise the interrupt; domain 0: no device may. Changes *value,
	 * the message as it would be without an IOMMU, if the IOMMU needs another message.
	 */
	void (*message)(struct iommu *unit, u32 domain, const struct iommu_message *message,
			u64 *value);
	/*
	 * Gives a command by which the IOMMU writes `value` to the word once all earlier commands
	 * are done.
	 */
	void (*wait)(struct iommu *unit, hpa_t word, u32 value);
};

extern const struct iommu_ops iommu_vtd;
extern const struct iommu_ops iommu_amdvi;

/*
 * The work of four system calls that kernel/abi/syscall.h describes: SYS_IOMMU_CREATE,
 * SYS_IOMMU_SPACE, SYS_IOMMU_ATTACH and SYS_SPACE_POPULATE.
 */
enum status iommu_create(hpa_t registers, u64 kind, bool remap, u64 *number) MUST_CHECK;
enum status iommu_space_create(u64 number, struct quota *quota, struct space **space) MUST_CHECK;
/* Attaches a device to a space; NULL: the device reaches nothing. */
enum status iommu_attach(u64 number, u64 source, struct space *space) MUST_CHECK;
enum status iommu_populate(struct space *space, u64 at, u32 access, u64 *bytes) MUST_CHECK;
/*
 * Returns in *value the message that raises an interrupt, as SYS_IRQ_MESSAGE does. Its IOMMU lets
 * the message pass from now on, or blocks it if `blocked` is set. STATUS_NOT_FOUND: there is no
 * such IOMMU or requester, or the IOMMU does not remap interrupts; STATUS_BAD_STATE: the requester
 * is attached to no space, so that the message is blocked.
 */
enum status iommu_message(const struct iommu_message *message, bool blocked, u64 *value) MUST_CHECK;

/* The functions below are for amdvi.c and vtd.c. */
static inline void *iommu_page(const struct iommu *unit, enum iommu_page page)
{
	return unit->ring + page * PAGE_SIZE;
}
/* Read and write the IOMMU's register at this offset in bytes. */
u32 iommu_read32(const struct iommu *unit, u32 offset);
void iommu_write32(const struct iommu *unit, u32 offset, u32 value);
u64 iommu_read64(const struct iommu *unit, u32 offset);
void iommu_write64(const struct iommu *unit, u32 offset, u64 value);
/*
 * Waits until `bits` of the IOMMU's register at `offset` equal `value`; panics if that takes too
 * long.
 */
void iommu_expect32(const struct iommu *unit, u32 offset, u32 bits, u32 value);
/* Puts a command of 16 bytes into the ring and advances the ring's tail, which the IOMMU reads. */
void iommu_command(struct iommu *unit, u64 first, u64 second);
/* Waits until the IOMMU has carried out all commands in the ring; panics if that takes too long. */
void iommu_confirm(struct iommu *unit);
/*
 * Writes an entry of a table so that the IOMMU sees it, whether or not it snoops the CPUs' caches.
 */
void iommu_entry_write(const struct iommu *unit, u64 *entry, u64 value);
