/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The system call that a TEST=1 image has more: the root's handle with RIGHT_DESTROY, an enum
 * test_what and its argument. What it breaks is the machine's from then on.
 */
#define SYS_TEST 0x54455354u

enum test_what {
	TEST_COUNT,	  /* forgets what was counted, and counts allocations from now on */
	TEST_OFF,	  /* neither counts nor fails any more */
	TEST_FAIL,	  /* site << 32 | which of its calls from now on fails, from 1 */
	TEST_SITES,	  /* value: how many there are */
	TEST_SITE_OFFSET, /* of a site: where in the image its call returns to */
	TEST_SITE_CALLS,  /* failed << 32 | counted */
	TEST_STACK,	  /* calls itself until the stack ends */
	TEST_BREAK,	  /* enum test_break */
	TEST_MEND,	  /* as it was before */
	TEST_NMI,	  /* so many NMIs come, each at another instant; 0: no more */
	TEST_NMI_COUNT,	  /* value: left << 32 | taken */
	TEST_NMI_HITS,	  /* of 64 bytes at an offset into the image: a bit for each that was hit */
	TEST_INTERRUPT,	  /* sends this CPU a vector */
	TEST_LOSE_KICKS,  /* no interrupt between CPUs reaches this APIC id from now on */
	TEST_GUEST_PAGE,  /* of VM 0 or 1, in the order of their RAM, or monitor 2 or 3: a page */
};

/* What an audit should find: enum audit_kind has nothing of these on a machine that works. */
enum test_break {
	BREAK_OWNER,	  /* a chunk of one VM's RAM is another's too */
	BREAK_TWO_GUESTS, /* a page is writable through two second stages */
	BREAK_PROCESS,	  /* a guest's page is writable by another's process */
	BREAK_GUEST,	  /* a guest reads a page of the kernel's */
	BREAK_RING3,	  /* a process writes a page of the kernel's */
	BREAK_EXECUTABLE, /* a kernel address is writable and executable */
	BREAK_ALIAS,	  /* the kernel's text is writable at another address */
	BREAK_USER,	  /* a kernel address is open to ring 3 */
	BREAK_REFERENCES, /* an object counts a reference that nobody holds */
	BREAK_QUOTA,	  /* a group is charged a page that it does not have */
	BREAK_COUNT
};
