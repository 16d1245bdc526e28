/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm.h"

#define VM_KEYS_AT_ANY_TIME                                                                        \
	"weight cap reserve affinity on_crash stop_timeout autostart trap quiesce backup "         \
	"disk.ops disk.bytes disk.burst disk.weight disk.undo "                                    \
	"net.packets net.bytes net.burst net.weight"

/*
 * Returns whether the VM's key may be changed in its present state; true also for a word that is no
 * key.
 */
bool vm_keys_can_change(const struct vm *vm, struct text key);
/* Returns whether the key can be changed while the VM runs, and takes effect at once. */
bool vm_keys_at_any_time(struct text key);

/*
 * Returns whether the VM has snapshots. A crashed VM that goes back to one keeps its monitor, and
 * so the configuration that this monitor was made with.
 */
bool vm_keys_has_snapshots(const struct vm *vm);
