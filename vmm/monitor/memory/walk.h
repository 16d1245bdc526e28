/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/vcpu.h"
#include "vmm/monitor/memory/guest_memory.h"

/* The kind of an access: bits as in a page fault's error code (SDM vol. 3, 4.7). */
enum walk_access {
	WALK_READ = 0,
	WALK_WRITE = 1 << 1,
	WALK_USER = 1 << 2, /* the access is made at CPL 3 */
	WALK_FETCH = 1 << 4,
	/*
	 * the monitor itself looks an address up: rights do not count, and A and D bits stay as
	 * they are
	 */
	WALK_PROBE = 1 << 8,
	/* the access is the CPU's own, to descriptor tables or a TSS, at any privilege level */
	WALK_IMPLICIT = 1 << 9,
};

struct walk_result {
	gpa_t gpa;
	u64 page_bytes; /* the size of the page in which the address lies; 4 KiB with paging off */
	u32 error_code; /* if the walk failed: the error code of the #PF to raise */
};

#define WALK_LEVELS_MAX 5

/* A page-table entry on the path of a walk, as the walk has read it. */
struct walk_step {
	u8 *host; /* where the monitor has the entry mapped; NULL: the entry is not in RAM */
	u64 gpa;
	u64 entry;
};

/* The path of a walk: step[levels] down to step[last], indexed by level. */
struct walk_path {
	u32 levels; /* the number of levels of page tables; 0: paging is off */
	u32 last;
	/* PTE_W, PTE_U and PTE_NX that hold for the page, if the walk has reached one */
	u64 rights;
	struct walk_step step[WALK_LEVELS_MAX + 1];
};

/*
 * Walks the guest's page tables as the CPU does with the control registers and RFLAGS in `page`
 * (groups VCPU_RIP and VCPU_CONTROL; the address must be canonical): no paging, 32-bit with 4-MiB
 * pages, PAE, 4 and 5 levels; sets accessed and dirty bits. Protection keys are not checked; a
 * table outside RAM reads as all ones. Returns false, with nothing changed, when the access faults.
 */
bool walk(const struct guest_memory *memory, const struct vcpu_page *page, gva_t gva, u32 access,
	  struct walk_result *result);

/* Walks with WALK_PROBE and records the path; otherwise as walk(). */
bool walk_trace(const struct guest_memory *memory, const struct vcpu_page *page, gva_t gva,
		struct walk_path *path, struct walk_result *result);

/* Returns the width of linear addresses in the present paging mode: 48 or 57. */
u32 walk_linear_bits(const struct vcpu_page *page);
