/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/hw/pit.h"
#include "vmm/monitor/bus/device.h"

/* One counter of the 8254. Times are in clocks of 1.193182 MHz since the VM's start. */
struct pit_channel {
	u64 run_tick; /* the tick from which on `elapsed` grows while `running` */
	u64 elapsed;  /* clocks counted before run_tick since `count` was loaded */
	u32 count;    /* loaded value, 1 to 65536 (10000 in BCD) */
	/*
	 * the count written last, which is taken over at the end of the period or at a trigger; 0:
	 * none
	 */
	u32 next_count;
	u16 latch;
	u8 control; /* the control word's low six bits, as written */
	u8 mode;    /* the mode, from 0 to 5 */
	u8 access;  /* 1 low, 2 high, 3 low then high */
	u8 bcd;
	u8 gate;
	u8 loaded; /* `count` is being, or has been, counted down */
	u8 running;
	u8 write_high; /* the next write is the high byte */
	u8 write_low;  /* value of the low byte already written */
	u8 read_high;
	u8 latched; /* bytes of `latch` still to be read */
	u8 status_latched;
	u8 status;
	u8 reserved[5];
};

struct pit_state {
	struct pit_channel channel[PIT_CHANNEL_COUNT];
	u64 edge_tick;	/* next rising edge of channel 0's output, or DEADLINE_NONE */
	u64 repay_tick; /* the tick at which the next owed interrupt is given, or DEADLINE_NONE */
	u32 owed;	/* edges of channel 0 that were not given in time */
	u8 speaker;	/* bits 3:1 of port 0x61 */
	u8 held;	/* an edge came late, when the output was low again: the line stays high */
	u8 reserved[2];
};

/* An 8254 with a PC's port 0x61: channel 0 is interrupt 0, channel 2 has the gate. */
struct pit {
	struct device device;
	struct pit_state state;
};

enum status pit_attach(struct platform *platform, const struct platform_config *config) MUST_CHECK;
