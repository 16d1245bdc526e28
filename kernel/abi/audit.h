/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * The lists of SYS_AUDIT: which object owns which page, which object refers to which, and the
 * mappings of all spaces. The kernel only reports; the caller judges whether the books are right.
 * An identity is the physical address of an object, for comparison only; an account is a number of
 * 32 bits that only one group has, 0 the kernel's.
 */
enum audit_what {
	/* from frame number `where` on: the page allocator's blocks in use, and their objects */
	AUDIT_FRAMES,
	/*
	 * from address `at` on: tables and leaves of the space with identity `where`; `where` 0: of
	 * the kernel's space
	 */
	AUDIT_SPACE,
	AUDIT_MEMORY,  /* from index `at` on: pages of the memory object with identity `where` */
	AUDIT_HANDLES, /* from index `at` on: handles of the process with identity `where` */
};

enum audit_kind {
	/* id: address of the block; info: enum page_owner, order << 8; other: account that pays */
	AUDIT_BLOCK,
	/*
	 * id: the object; info: enum object_type, 1 << 8 if it is dead, AUDIT_DETAIL_... << 16;
	 * other: account that pays; value: number of references
	 */
	AUDIT_OBJECT,
	/*
	 * id: the object that holds the reference, 0: the kernel; other: the object referred to;
	 * info: the handle's rights, if the reference is a handle, else 0
	 */
	AUDIT_REFERENCE,
	AUDIT_CHARGE, /* id: account; info: enum page_owner; value: pages charged */
	/* id: account; info: enum page_owner; value: pages promised to one object */
	AUDIT_PROMISE,
	/* id: space; info: enum pt_rights, level << 8; other: address; value: hpa of its page */
	AUDIT_LEAF,
	AUDIT_SLOT, /* id: memory; other: index; value: hpa; info: number of pages from there */
	/*
	 * id: space; info: level; other: first address that the table covers; value: hpa of the
	 * table
	 */
	AUDIT_TABLE,
};

struct audit_record {
	u32 kind; /* enum audit_kind */
	u32 info;
	u64 id;
	u64 other;
	u64 value;
};

/*
 * A record AUDIT_OBJECT of a memory object has the object's owner as its detail, or one of these
 * values.
 */
#define AUDIT_DETAIL_FIXED 0x8000u /* memory: a physical range that the object does not own */
/* memory, ORed to the owner: the object's pages have no writer */
#define AUDIT_DETAIL_FROZEN 0x4000u
#define AUDIT_DETAIL_SECOND 1u /* a space: it is a guest's second stage */
#define AUDIT_DETAIL_DEVICE 2u /* a space: it is the memory that a device may reach */

#define AUDIT_RECORDS 127u
#define AUDIT_END     (~0ull)

/* The page that the caller provides and the kernel fills. */
struct audit_page {
	u64 count;
	u64 reserved[3];
	struct audit_record record[AUDIT_RECORDS];
};
_Static_assert(sizeof(struct audit_page) == PAGE_SIZE, "one page");
