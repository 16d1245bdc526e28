/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"

/* The rights of an asker; each command needs one of these rights, or any one of several. */
enum permission {
	MAY_VIEW = 1 << 0, /* the asker may see lists, counts, the log and events */
	/* the asker may start, stop and pause existing VMs, and change their shares of CPUs */
	MAY_OPERATE = 1 << 1,
	MAY_CONSOLE = 1 << 2, /* the asker may read and write guests' consoles and ports */
	/* the asker may make, end and change VMs, disks, networks and drivers */
	MAY_CONFIGURE = 1 << 3,
	MAY_HOST = 1 << 4,    /* the asker may change the host, its log and its password */
	MAY_INSPECT = 1 << 5, /* the asker may read guests' memory, registers and network frames */
	MAY_GUEST = 1 << 6,   /* the asker may talk to programs in guests through their sockets */
	MAY_CONTENT = 1 << 7, /* the asker may read and write the content of volumes */
	MAY_ALL = BIT(8) - 1,
};

/* The rights' names in the configuration, in the order of the bits of enum permission. */
#define RIGHT_WORDS "view operate console configure host inspect guest content"

/* The rights of a machine channel without a section. */
#define RIGHTS_DEFAULT ((u32)MAY_ALL & ~(u32)(MAY_INSPECT | MAY_GUEST | MAY_CONTENT))
