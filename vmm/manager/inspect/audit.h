/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/audit.h"
#include "lib/status.h"

/*
 * Checks the lists of SYS_AUDIT: each page has one owner; no page is writable by two VMs, or by a
 * VM and a process of another group; no guest or process reaches a page of the kernel; nothing is
 * writable and executable in ring 0, or writable at one address and constant at another; an
 * object's count of references equals the references found; the pages charged to an account equal
 * those found.
 */
#define AUDIT_BALANCES 16384u
#define AUDIT_FINDINGS 64u

struct audit_balance {
	u64 key; /* the object or the account that is counted; 0: this entry is free */
	s64 value;
	u64 charged; /* for an account: the number of pages that the kernel has charged to it */
};

/* The facts about a page frame in the window, the range of frames that one pass checks. */
struct audit_frame {
	u64 memory; /* the memory object to which the frame belongs; 0: none */
	u32 writer; /* the account that can write to the frame; 0: none */
	u8 owner;   /* enum page_owner */
	u8 flags;
	bool shared; /* the frame is memory of audit.window_account */
	u8 reserved;
};

struct audit {
	/*
	 * Has the kernel write part of a list to page[level]; returns false if the kernel refuses.
	 * There are two pages, since one list is read within another.
	 */
	bool (*list)(void *context, u32 level, u64 what, u64 where, u64 at, u64 *next);
	void *context;
	const struct audit_page *page[2];
	/*
	 * Reports a finding. It was found in two runs, so no change between two lists has caused
	 * it.
	 */
	void (*report)(void *context, const char *text);

	struct audit_balance *balance; /* room for AUDIT_BALANCES entries */
	struct audit_frame *frame;     /* room for frame_count entries, the frames of one window */
	u64 frame_count;
	/* the account of windows, which several VMs may write to, but not this account; 0: none */
	u32 window_account;

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
	/* the keys of balances are summed in parts, one pass for each: the present part */
	u32 part;
	u32 parts;
	bool overflow;
	bool failed;
	u32 seen_count;
	u64 seen[AUDIT_FINDINGS];
	/* a number that must be the same, besides the text, in both runs that find something */
	u64 stamp;
	bool confirming;
};

/* Runs the audit. Returns false if the kernel refused a list, or there was too little room. */
bool audit_run(struct audit *audit);
