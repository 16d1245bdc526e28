/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/virt/virt.h"
#include "lib/status.h"
#include "mm/object.h"

struct group;
struct space;

/* The back end chosen at boot. */
extern const struct virt_ops *virt;

/* What the vCPUs of one guest share. */
struct vm {
	struct object object;
	struct group *group;
	struct space *space; /* its second stage; holds a reference */
	struct virt_vm virt;
};

enum status vm_create(struct group *group, struct space *space, struct vm **vm) MUST_CHECK;
void vm_release(struct object *object);
