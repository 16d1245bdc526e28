/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"

/* What whoever asks may do: each command has one of these, or several of which any will do. */
enum permission {
	MAY_VIEW = 1 << 0,	/* lists, counts, log, events */
	MAY_OPERATE = 1 << 1,	/* the life of VMs that are there, and what they are given */
	MAY_CONSOLE = 1 << 2,	/* what guests print and read */
	MAY_CONFIGURE = 1 << 3, /* make, end and change VMs, disks, networks, drivers */
	MAY_HOST = 1 << 4,	/* the machine, its log and its password */
	MAY_INSPECT = 1 << 5,	/* memory and registers of guests, and what they send */
	MAY_ALL = BIT(6) - 1,
};

/* In the order of the bits, as the configuration has them. */
#define RIGHT_WORDS "view operate console configure host inspect"

/* Of a machine channel without a section. */
#define RIGHTS_DEFAULT ((u32)MAY_ALL & ~(u32)MAY_INSPECT)
