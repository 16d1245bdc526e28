/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/pages.h"
#include "lib/lock.h"
#include "mm/memory.h"
#include "mm/object.h"
#include "mm/table.h"

/* most mappings of a space: enough for the manager, which has two for each VM */
#define SPACE_MAPPING_MAX 2560
#define SPACE_USER_LOW	  (64 * KIB)
#define SPACE_USER_HIGH	  0x00007fffffff0000ull

/*
 * One range of a space, backed by a range of a memory object, to which the mapping holds a
 * reference.
 */
struct mapping {
	struct list space_node; /* the mapping's place in the space's list, in order of `at` */
	struct list memory_node;
	struct space *space;
	struct memory *memory;
	u64 at;
	u64 page_count;
	u64 offset; /* index of the range's first page in the object */
	u32 rights; /* enum pt_rights */
	/*
	 * address up to which the mapping is unmapped; once it differs from `at`, the mapping
	 * serves no faults
	 */
	u64 cursor;
	/*
	 * A bit for each 2-MiB chunk in which this mapping may show pages of a frozen object below
	 * `memory`: layer_shown_bit.
	 */
	u64 shown;
};

/* The operations of an IOMMU on a space that a device reaches. */
struct space_devices {
	/* waits until the space's device uses no page that was unmapped */
	void (*flush)(struct space *space);
	/* waits until no device reaches memory by the space any more */
	void (*end)(struct space *space);
};

/*
 * A process's address space, a guest's second-stage table, or the memory that a device may reach.
 * Faults come at any time; all other operations on spaces and memory objects are done by one CPU at
 * a time (kernel/object/long_lock.h).
 */
struct space {
	struct object object;
	struct lock lock;
	struct quota *quota;
	struct table table;
	bool second_stage;
	/* a hint: the last write that faulted in the space was to a memory object with layers */
	bool layered;
	u8 largest; /* the level of the largest leaves that the space may have, enum pt_level */
	/*
	 * the IOMMU's operations on a device's space; NULL: no device uses the space, only CPUs do
	 */
	const struct space_devices *devices;
	/*
	 * for a device's space: the number of the IOMMU, and the domain number that the IOMMU has
	 * for it
	 */
	u8 unit;
	u8 domain;
	u32 mapping_count;
	u64 low; /* only addresses in [low, high) can be mapped */
	u64 high;
	struct list mappings;
	/*
	 * Counts unmappings: a CPU that last used the space at another value must flush its TLB
	 * first (mm/tlb.h).
	 */
	u64 generation;
	/* the CPUs that run on the space now, one bit each, which an unmapping kicks */
	u64 cpus[CPU_MAX / 64];
};

/*
 * Creates the address space of a process, with the kernel's half. STATUS_NO_MEMORY,
 * STATUS_NO_QUOTA.
 */
enum status space_create_process(struct quota *quota, struct space **space) MUST_CHECK;
/*
 * Creates a guest's physical address space, in the format of virt_ops->second_stage.
 * STATUS_NO_MEMORY, STATUS_NO_QUOTA.
 */
enum status space_create_guest(struct quota *quota, const struct pt_format *format,
			       struct space **space) MUST_CHECK;

/*
 * Maps `page_count` pages of the object from page `offset` on, and returns the address in *address.
 * With `at` 0, a random address in a process's space is chosen, with unmapped pages around the
 * mapping. Populates no page. Fails without effect: STATUS_BAD_ARGUMENT (no pages, not readable, or
 * writable and executable for a process), STATUS_BAD_ADDRESS (unaligned, or outside the space or
 * the object), STATUS_IN_USE (something is mapped there), STATUS_TOO_BIG (too many mappings),
 * STATUS_BAD_STATE (the object is frozen, or the space is a device's and the object has layers or
 * is overcommitted), STATUS_NO_MEMORY, STATUS_NO_QUOTA.
 */
enum status space_map(struct space *space, u64 at, struct memory *memory, u64 offset,
		      u64 page_count, u32 rights, u64 *address) MUST_CHECK;

/*
 * Removes the mappings that lie in [at, at + bytes). STATUS_AGAIN: a step was done, repeat the
 * call. STATUS_NOT_FOUND: no mapping lies there; STATUS_BAD_ADDRESS: the range is unaligned, or a
 * mapping lies only partly inside it.
 */
enum status space_unmap(struct space *space, u64 at, u64 bytes) MUST_CHECK;

/*
 * Returns the mapping that contains the address, NULL if none does. The caller holds the space's
 * lock.
 */
struct mapping *space_mapping(struct space *space, u64 address);

/*
 * Returns a pointer to the byte of guest RAM at the address if its page is populated and mapped
 * writable, otherwise NULL. The pointer stays valid until the CPU next goes through its loop
 * (mm/tlb.h).
 */
u8 *space_guest_byte(struct space *space, u64 address);

/*
 * Handles a fault: populates the page and maps it with the largest leaf that fits, if the mapping
 * grants the rights in `access`. STATUS_OK, STATUS_AGAIN: the access is to be repeated.
 * STATUS_NOT_FOUND: no mapping contains the address; STATUS_BAD_STATE: the mapping is being
 * removed; STATUS_NO_RIGHT: the mapping grants less; STATUS_NO_MEMORY, STATUS_NO_QUOTA.
 */
enum status space_fault(struct space *space, u64 address, u32 access) MUST_CHECK;
/*
 * Does what space_fault does, for a write to an object with layers; for callers that see
 * space->layered set, for whom it is quicker.
 */
enum status space_fault_layered(struct space *space, u64 address, u32 access) MUST_CHECK;

/* Makes one step of destroying a space: STATUS_AGAIN until the space is gone, then STATUS_OK. */
enum status space_destroy(struct space *space) MUST_CHECK;
