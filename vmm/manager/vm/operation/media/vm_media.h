/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/config/config.h"
#include "vmm/manager/vm/vm_operation.h"

struct vm;

/* The disk or volume, with the flags of a CD, that is to go into the drive at that place. */
struct vm_media_wish {
	u32 place;
	struct vm_disk disk;
};

/*
 * Begins to put another medium into a CD-ROM drive of a running or paused VM, whose configuration
 * then has it. Returns false, with the reason in `problem`, if that is not possible. When
 * OPERATION_MEDIA has ended, its `problem` says whether the drive has the new medium.
 */
bool vm_media_change(struct vm *vm, const struct vm_media_wish *wish, char *problem, size_t size);
extern const struct vm_operation_ops vm_media_ops;
