/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * What SYS_AUDIT lists: which object owns which page, which refers to which, and what is mapped
 * where. The kernel only reports; the caller judges whether it is right. An identity is the
 * physical address of an object, for comparison only; an account is a number of 32 bits that only
 * one group has, 0 the kernel's.
 */
enum audit_what {
	AUDIT_FRAMES, /* from frame `where` on: the blocks in use, and the objects in them */
	AUDIT_SPACE, /* from `at` on: tables and leaves of space `where`; `where` 0: the kernel's */
	AUDIT_MEMORY,  /* from index `at` on: pages of memory object `where` */
	AUDIT_HANDLES, /* from index `at` on: handles of process `where` */
};

enum audit_kind {
	AUDIT_BLOCK,  /* id: address; info: owner, order << 8; other: account */
	AUDIT_OBJECT, /* info: type, dead << 8, detail << 16; other: account; value: references */
	/* id: its holder, 0: the kernel; other: its object; info: a handle's rights */
	AUDIT_REFERENCE,
	AUDIT_CHARGE,  /* id: account; info: owner; value: pages charged */
	AUDIT_PROMISE, /* id: account; info: owner; value: pages charged for a memory */
	AUDIT_LEAF,    /* id: space; info: rights, level << 8; other: address; value: page */
	AUDIT_SLOT,    /* id: memory; other: index; value: page; info: number of pages */
	AUDIT_TABLE,   /* id: space; info: level; other: its first address; value: page */
};

struct audit_record {
	u32 kind; /* enum audit_kind */
	u32 info;
	u64 id;
	u64 other;
	u64 value;
};

/* AUDIT_OBJECT's detail: a memory object's owner, or one of these. */
#define AUDIT_DETAIL_FIXED  0x8000u /* memory: a physical range that it does not own */
#define AUDIT_DETAIL_FROZEN 0x4000u /* memory, with its owner: nobody may write to its pages */
#define AUDIT_DETAIL_SECOND 1u	    /* space: a second stage */
#define AUDIT_DETAIL_DEVICE 2u	    /* space: the memory that a device may reach */

#define AUDIT_RECORDS 127u
#define AUDIT_END     (~0ull)

/* The page that the caller provides and the kernel fills. */
struct audit_page {
	u64 count;
	u64 reserved[3];
	struct audit_record record[AUDIT_RECORDS];
};
_Static_assert(sizeof(struct audit_page) == PAGE_SIZE, "one page");
