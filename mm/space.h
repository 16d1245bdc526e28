/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/pages.h"
#include "lib/lock.h"
#include "mm/memory.h"
#include "mm/object.h"
#include "mm/table.h"

#define SPACE_MAPPING_MAX 2560 /* the manager has two for each VM */
#define SPACE_USER_LOW (64 * KIB)
#define SPACE_USER_HIGH 0x00007fffffff0000ull

/* One range of a space, backed by a range of a memory object. Holds a reference to the object. */
struct mapping {
	struct list space_node; /* in order of `at` */
	struct list memory_node;
	struct space *space;
	struct memory *memory;
	u64 at;
	u64 page_count;
	u64 offset; /* first page in the object */
	u32 rights; /* enum pt_rights */
	u64 cursor; /* the address that unmapping has reached; past `at` no faults are served */
	u64 shown;  /* 2-MiB chunks of which pages below may be mapped: layer_shown_bit */
};

/* What has to be done where devices reach a space. */
struct space_devices {
	void (*flush)(struct space *space); /* returns once none uses what was unmapped */
	void (*end)(struct space *space);   /* returns once none reaches the space */
};

/*
 * A process's address space, a second-stage table, or what a device may reach. Faults come at any
 * time; all else is done to spaces and memory objects by one CPU at a time (kernel/long_lock.h).
 */
struct space {
	struct object object;
	struct lock lock;
	struct quota *quota;
	struct table table;
	bool second_stage;
	bool layered; /* the last write that faulted was to an object with layers */
	u8 largest; /* enum pt_level of its leaves */
	const struct space_devices *devices; /* NULL: only CPUs reach it */
	u8 unit;    /* the IOMMU, and its name for the space there */
	u8 domain;
	u32 mapping_count;
	u64 low; /* [low, high) can be mapped */
	u64 high;
	struct list mappings;
	/* Counts unmappings: whoever used the space at another value must flush (mm/tlb.h). */
	u64 generation;
	u64 cpus[CPU_MAX / 64]; /* CPUs that run on it now, to be kicked */
};

/* The address space of a process, with the kernel's half. STATUS_NO_MEMORY, STATUS_NO_QUOTA. */
enum status space_create_process(struct quota *quota, struct space **space) MUST_CHECK;
/* A guest's physical address space, in the format of virt_ops->second_stage. Errors as above. */
enum status space_create_guest(struct quota *quota, const struct pt_format *format,
			       struct space **space) MUST_CHECK;

/*
 * Maps `page_count` pages of the object from page `offset` on, and returns where in *address. `at`
 * 0 in a process's space: at a random place with unmapped pages around it. Nothing is populated.
 * Without effect: STATUS_BAD_ARGUMENT (no pages, not readable, or writable and executable for a
 * process), STATUS_BAD_ADDRESS (unaligned or out of range), STATUS_IN_USE, STATUS_TOO_BIG (too many
 * mappings), STATUS_BAD_STATE (the object is frozen, or has layers and the space is a device's),
 * STATUS_NO_MEMORY, STATUS_NO_QUOTA.
 */
enum status space_map(struct space *space, u64 at, struct memory *memory, u64 offset,
		      u64 page_count, u32 rights, u64 *address) MUST_CHECK;

/*
 * Removes the mappings that lie in [at, at + bytes). STATUS_AGAIN: a step was done, repeat.
 * STATUS_NOT_FOUND: there are none; STATUS_BAD_ADDRESS: unaligned, or one lies only partly inside.
 */
enum status space_unmap(struct space *space, u64 at, u64 bytes) MUST_CHECK;

/* Under the space's lock: the mapping that the address is in, or NULL. */
struct mapping *space_mapping(struct space *space, u64 address);

/*
 * The byte of guest RAM at the address if that is populated and mapped writable, otherwise NULL.
 * The pointer stays valid until the CPU next passes (mm/tlb.h).
 */
u8 *space_guest_byte(struct space *space, u64 address);

/*
 * Handles a fault: populates the page and maps it with the largest leaf that fits, if the mapping
 * grants the rights in `access`. STATUS_OK or STATUS_AGAIN: let the access be repeated.
 * STATUS_NOT_FOUND: no mapping covers the address; STATUS_BAD_STATE: the mapping is being removed;
 * STATUS_NO_RIGHT; STATUS_NO_MEMORY, STATUS_NO_QUOTA.
 */
enum status space_fault(struct space *space, u64 address, u32 access) MUST_CHECK;
/* The same, quicker, for a write where space->layered. */
enum status space_fault_layered(struct space *space, u64 address, u32 access) MUST_CHECK;

/* One step of destroying a space: STATUS_AGAIN until it is gone, then STATUS_OK. */
enum status space_destroy(struct space *space) MUST_CHECK;
