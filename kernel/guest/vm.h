/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/guest/vm_types.h"
#include "lib/status.h"

/*
 * Creates a VM with this second stage, to which it takes a reference, for the caller to make a
 * member of the group. STATUS_NO_MEMORY, STATUS_NO_QUOTA.
 */
enum status vm_create(struct group *group, struct space *space, struct vm **vm) MUST_CHECK;
/* Frees the VM when its last reference goes; for object_release. */
void vm_release(struct object *object);
