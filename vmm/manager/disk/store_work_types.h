/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* A command to a store's driver that is part of a work in steps; store_work_begin sets it up. */
struct store_work {
	u64 asked;     /* number of the command that the driver was given; 0: none yet */
	u32 status;    /* enum store_status of the answer */
	u64 until_tsc; /* the TSC from which on the caller may give up this part of the work */
};
