/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * What the monitors of the VMs with the same key `window` share: a page of bells, and behind it the
 * window, which their guests share, too. Each VM has a place. Whoever shares the memory may write
 * anything anywhere in it at any time: all is read once, and garbled bells or heads are the harm
 * that one VM can do to the others.
 */
#define WINDOW_PLACES	8u /* the most VMs of a window */
#define WINDOW_VECTORS	4u /* the bells of a place */
#define WINDOW_SIZE_MIN (8 * KIB)
#define WINDOW_SIZE_MAX (8 * MIB)

/* The first page: a word with a bit for each bell of that place that was rung and not yet taken. */
struct window_bells {
	struct {
		u32 rung;
		u32 unused[15];
	} place[WINDOW_PLACES];
};

/* The start of the window: what the monitor of the VM at each place says of its runs. */
struct window_head {
	u32 runs;   /* how often the VM went back to its snapshot; written last */
	u32 status; /* how the last run has ended, enum window_status */
	u32 value;  /* the word that the guest has given with its call */
	u32 cycles; /* how many TSC cycles the VM took to go back, of those that fit */
	u32 unused[12];
};
#define WINDOW_HEADS_BYTES (WINDOW_PLACES * sizeof(struct window_head))

/* Registers, of 32 bits, at these offsets in the device's BAR 0. */
enum window_register {
	WINDOW_IDENTITY = 0x00, /* WINDOW_MAGIC */
	WINDOW_PLACE = 0x04,	/* the VM's own place */
	WINDOW_BYTES = 0x08,	/* the size of the window, which is BAR 2 */
	WINDOW_RING = 0x0c,	/* a write rings bell (value & 0xffff) of place (value >> 16) */
	WINDOW_RUNG = 0x10,	/* a read takes the bells that were rung, a bit each */
	/*
	 * a write halts the vCPU until a bell is rung or an interrupt comes; not if a bell was rung
	 * that was not taken
	 */
	WINDOW_WAIT = 0x14,
	WINDOW_VALUE = 0x18,  /* the word that goes with the next call */
	WINDOW_CALL = 0x1c,   /* a write makes a call, enum window_call */
	WINDOW_STATUS = 0x20, /* what has become of the last call, enum window_status */
};
#define WINDOW_REGISTERS_BYTES 0x1000u
#define WINDOW_AT_MSIX	       0x800u
#define WINDOW_AT_PENDING      0xc00u
#define WINDOW_MAGIC	       0x31574b53u /* "SKW1" */

enum window_call {
	/*
	 * Has a snapshot taken, once. WINDOW_VALUE is what to ring after each run, as for
	 * WINDOW_RING. WINDOW_STATUS is WINDOW_BUSY until the snapshot is there or was refused;
	 * each run begins there, with WINDOW_DONE.
	 */
	WINDOW_CALL_SNAPSHOT = 1,
	WINDOW_CALL_DONE = 2,  /* ends the run, which was good: the VM goes back to the snapshot */
	WINDOW_CALL_PANIC = 3, /* ends the run, which was not */
};

enum window_status {
	WINDOW_NONE = 0, /* there was no call */
	WINDOW_DONE = 1,
	WINDOW_BUSY = 2,
	WINDOW_PANIC = 3,   /* only in a head: the run has ended by WINDOW_CALL_PANIC */
	WINDOW_REFUSED = 4, /* the VM's log says why */
	WINDOW_GONE = 5,    /* there is no snapshot, or none any more: ask for one */
};
