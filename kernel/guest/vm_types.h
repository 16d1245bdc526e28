/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/virt/virt.h"
#include "mm/object.h"

struct group;
struct space;

/* The state that the vCPUs of one guest share. */
struct vm {
	struct object object;
	struct group *group;
	struct space *space; /* the VM's second stage, to which the VM holds a reference */
	struct virt_vm virt;
};
