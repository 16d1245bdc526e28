/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The system call that only a TEST=1 image has: the root's handle with RIGHT_DESTROY, an enum
 * test_what and its argument. What it breaks stays broken for the whole machine.
 */
#define SYS_TEST 0x54455354u

enum test_what {
	TEST_COUNT,	  /* forgets what was counted, and counts allocations from now on */
	TEST_OFF,	  /* the kernel neither counts nor fails calls any more */
	TEST_FAIL,	  /* site << 32 | which of its calls from now on fails, from 1 */
	TEST_SITES,	  /* value: the number of sites */
	TEST_SITE_OFFSET, /* the offset in the image to which a site's call returns */
	TEST_SITE_CALLS,  /* failed << 32 | counted */
	TEST_STACK,	  /* the kernel calls itself until the stack ends */
	TEST_BREAK,	  /* breaks an invariant, enum test_break */
	TEST_MEND,	  /* undoes what TEST_BREAK did */
	/* raises `argument` NMIs, each at a different instant; 0: raises no more */
	TEST_NMI,
	TEST_NMI_COUNT, /* value: left << 32 | taken */
	/* which of 64 bytes at an offset into the image were hit by an NMI, a bit each */
	TEST_NMI_HITS,
	TEST_INTERRUPT,	 /* sends a vector to this CPU */
	TEST_LOSE_KICKS, /* no interrupt between CPUs reaches this APIC id from now on */
	TEST_LOSE_TIMER, /* no timer that is set for a guest fires from now on */
	TEST_CANARY,	 /* writes to the kernel's stack canary */
	TEST_BOOT,	 /* calls code of boot/ */
	TEST_GUEST_PAGE, /* value: a page of the RAM of VM 0 or 1; 2 or 3: of their monitors */
};

/* What an audit should find; on a machine that works it finds none of these faults. */
enum test_break {
	BREAK_OWNER,	  /* a chunk of one VM's RAM belongs to another VM too */
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
