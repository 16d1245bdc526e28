/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/audit.h"
#include "lib/status.h"

/*
 * Checks what SYS_AUDIT lists: each page has one owner; no page is writable by two VMs, or by a VM
 * and a process of another group; no guest or process reaches a page of the kernel; nothing is
 * writable and executable in ring 0, or writable at one address and constant at another; references
 * equal what holds them; charges equal pages.
 */
#define AUDIT_BALANCES 16384u
#define AUDIT_FINDINGS 64u

struct audit_balance {
	u64 key; /* what is counted: an object or an account; 0: this entry is free */
	s64 value;
	u64 charged; /* for an account: the pages that it says it is charged */
};

/* What is known of a frame in the present window. */
struct audit_frame {
	u64 memory; /* the memory object to which the frame belongs; 0: none */
	u32 writer; /* the account that can write to the frame; 0: none */
	u8 owner;   /* enum page_owner */
	u8 flags;
	u8 reserved[2];
};

struct audit {
	/*
	 * Fills page[level]; returns false if the kernel refuses. There are two pages, since lists
	 * are nested.
	 */
	bool (*list)(void *context, u32 level, u64 what, u64 where, u64 at, u64 *next);
	void *context;
	const struct audit_page *page[2];
	/* Reports a finding. It was found twice, so it is not due to a change between two lists. */
	void (*report)(void *context, const char *text);

	struct audit_balance *balance; /* room for AUDIT_BALANCES entries */
	struct audit_frame *frame;     /* room for frame_count entries: a window */
	u64 frame_count;

	/* The results: */
	u64 pages; /* pages in use */
	u64 pages_by_owner[16];
	u64 objects;
	u64 leaves;
	u64 device_pages;	/* pages reached by devices behind IOMMUs */
	u64 device_guest_pages; /* among the pages that devices reach: guests' RAM */
	u64 guest_pages;	/* pages mapped in second stages */
	/* among the pages that guests have mapped: pages in leaves of 2 MiB or more */
	u64 guest_large;
	u64 guest_huge; /* among the pages that guests have mapped: pages in leaves of 1 GiB */
	u64 findings;

	/* For audit.c alone: */
	u64 window; /* the number of the window's first frame */
	u64 last_frame;
	u32 part; /* the part of the balances' keys being summed */
	u32 parts;
	bool overflow;
	bool failed;
	u32 seen_count;
	u64 seen[AUDIT_FINDINGS];
	u64 stamp; /* a value that a finding must have, besides its text, when it is found again */
	bool confirming;
};

/* Runs the audit. Returns false if the kernel refused a list, or there was too little room. */
bool audit_run(struct audit *audit);
