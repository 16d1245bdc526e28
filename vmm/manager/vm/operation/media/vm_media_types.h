/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/config/config.h"
#include "vmm/manager/vm/vm_operation_types.h"
#include "vmm/manager/vm/vm_query_types.h"

enum vm_media_phase {
	MEDIA_NONE,
	MEDIA_EJECTS,  /* the monitor is asked to empty the drive */
	MEDIA_LEAVES,  /* the driver of the old medium is to release the drive's link */
	MEDIA_INSERTS, /* the monitor is asked to fill the drive with the link's new medium */
};

/* Another medium for a CD-ROM drive of a running or paused VM; one at a time for each VM. */
struct vm_media {
	u32 place; /* the drive's place among the VM's disks */
	u32 asks;  /* how often the monitor was asked to empty the drive */
	struct vm_disk wanted;
	struct vm_query query;
	/* why the drive has its old medium again, or "": it has the new one */
	char problem[VM_PROBLEM_BYTES];
};
