/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/hw/pit.h"
#include "vmm/monitor/bus/device.h"

/* One counter of the 8254. Times are in clocks of 1.193182 MHz since the VM's start. */
struct pit_channel {
	u64 run_tick; /* the clock from which on the count goes down, if `running` */
	u64 elapsed;  /* clocks counted before run_tick since `count` was loaded */
	u32 count;    /* the loaded count, 1 to 65536 (10000 in BCD) */
	/*
	 * the count written last, which is taken over at the end of the period or at a trigger; 0:
	 * none
	 */
	u32 next_count;
	u16 latch;
	u8 control; /* the low six bits of the control word that was written last */
	u8 mode;    /* the counter's mode, 0 to 5 */
	u8 access;  /* which bytes of the count are accessed: 1 low, 2 high, 3 low then high */
	u8 bcd;
	u8 gate;
	u8 loaded; /* `count` is being, or has been, counted down */
	u8 running;
	u8 write_high; /* not 0: the next write is the high byte of the count */
	u8 write_low;  /* the low byte of a count whose high byte comes next */
	u8 read_high;
	u8 latched; /* how many bytes of `latch` the guest has still to read */
	u8 status_latched;
	u8 status;
	u8 reserved[5];
};

struct pit_state {
	struct pit_channel channel[PIT_CHANNEL_COUNT];
	/* the clock of the next rising edge of channel 0's output, or DEADLINE_NONE */
	u64 edge_tick;
	u64 repay_tick; /* the clock at which the next owed interrupt is raised, or DEADLINE_NONE */
	/* the number of edges of channel 0 that were not raised in time, and still are to be */
	u32 owed;
	u8 speaker; /* bits 3:1 of port 0x61 */
	/*
	 * not 0: an edge came late, when channel 0's output was low again: interrupt line 0 stays
	 * high
	 */
	u8 held;
	u8 reserved[2];
};

/*
 * An 8254 with a PC's port 0x61: channel 0 drives interrupt line 0, and port 0x61 has the gate of
 * channel 2.
 */
struct pit {
	struct device device;
	struct pit_state state;
};

enum status pit_attach(struct platform *platform, const struct platform_config *config) MUST_CHECK;
