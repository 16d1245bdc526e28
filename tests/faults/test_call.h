/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The system call that only a TEST=1 image has: the root's handle with RIGHT_DESTROY, an enum
 * test_what and its argument. What it breaks stays broken for the whole machine.
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
	TEST_MEND,	  /* undoes what TEST_BREAK did */
	TEST_NMI,	  /* raises so many NMIs, each at a different instant; 0: no more */
	TEST_NMI_COUNT,	  /* value: left << 32 | taken */
	TEST_NMI_HITS,	  /* of 64 bytes at an offset into the image: a bit for each that was hit */
	TEST_INTERRUPT,	  /* sends this CPU a vector */
	TEST_LOSE_KICKS,  /* no interrupt between CPUs reaches this APIC id from now on */
	TEST_LOSE_TIMER,  /* no timer that is set for a guest fires from now on */
	TEST_CANARY,	  /* writes to the kernel's stack canary */
	TEST_BOOT,	  /* calls code of boot/ */
	TEST_GUEST_PAGE,  /* value: a page of the RAM of VM 0 or 1; 2 or 3: of their monitors */
};

/* What an audit should find; on a machine that works it finds none of these. */
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
