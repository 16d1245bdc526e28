/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/virt/virt.h"
#include "lib/status.h"
#include "mm/object.h"

struct group;
struct space;

/* The back end, VMX or SVM, chosen at boot. */
extern const struct virt_ops *virt;

/* The state that the vCPUs of one guest share. */
struct vm {
	struct object object;
	struct group *group;
	struct space *space; /* its second stage; holds a reference */
	struct virt_vm virt;
};

/*
 * Creates a VM with this second stage, to which it takes a reference. STATUS_NO_MEMORY,
 * STATUS_NO_QUOTA.
 */
enum status vm_create(struct group *group, struct space *space, struct vm **vm) MUST_CHECK;
/* Frees the VM when its last reference goes; for object_release. */
void vm_release(struct object *object);
