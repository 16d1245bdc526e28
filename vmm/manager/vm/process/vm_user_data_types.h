/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/bits.h"

/* the longest user-data that comes over a machine channel */
#define VM_USER_DATA_MAX (32 * KIB)
/*
 * The value of `seed` for a VM whose user-data came with `vm create`; no command can name the text.
 */
#define VM_SEED_GIVEN "(given)"

/*
 * User-data for cloud-init that came over a machine channel, in memory of the manager's. A channel
 * has one while its pieces come, and a VM from its creation until its guest has used it.
 */
struct vm_user_data {
	handle_t memory;
	u8 *bytes; /* VM_USER_DATA_MAX bytes, mapped in the manager; NULL: there is no text */
	u32 size;  /* stays when the text is gone */
};
