/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/status.h"
#include "vmm/manager/config/config.h"
#include "vmm/manager/vm/vm_operation.h"
#include "vmm/manager/vm/process/vm_share_types.h"

struct vm;

/*
 * A VM's share of the CPUs: weight, cap, affinity and reservations. Its group holds the first
 * three; its monitor asks for the reservations, one vCPU at a time.
 */

/*
 *  Returns whether this host can give the share; if not, `problem` says what is allowed.
 */
bool vm_share_check(const struct vm_config *config, char *problem, size_t size);

/* Sets a group's weight, cap, affinity and reservable CPU time as the configuration says. */
enum status vm_share_apply(handle_t group, const struct vm_config *config) MUST_CHECK;

/*
 * Makes `next` the VM's configuration, all or nothing, at once or in vm_share_step. Afterwards
 * the operation's `problem` is "", or says why the change failed.
 */
void vm_share_change(struct vm *vm, const struct vm_config *next);
extern const struct vm_operation_ops vm_share_ops;
