/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/disk/disk.h"

/*
 * Links a VM to a volume, charged to the VM's memory group; `ends` as for disk_attach_own. Returns
 * NULL, with the reason in `problem`, if the volume cannot be used.
 */
struct driver_link *disk_volume_attach(struct vm *vm, const struct vm_disk *disk,
				       const struct link_ends *ends, char *problem, size_t size);
/*
 * Returns whether a link that only reads the volume, without a key, could be made now; if not,
 * `problem` says why.
 */
bool disk_volume_may_be_read(const struct vm_disk *disk, char *problem, size_t size);

struct store;
struct store_volume;

/*
 * Links a process of the VM's, which needs no key, to a snapshot of one of its volumes. Returns
 * NULL, with the reason in `problem`, if the snapshot cannot be used.
 */
struct driver_link *disk_volume_attach_copy(struct vm *vm, const struct store *store,
					    const struct store_volume *volume, char *problem,
					    size_t size);

/*
 * Links the user that `wanted` names to the volume STORE/VOLUME, whose blocks the user reads or
 * writes as they lie on the disk, without a key. Returns NULL, with the reason in `problem` after
 * the volume's name, if that is not possible.
 */
struct driver_link *disk_volume_attach_named(const char *name, bool read_only, handle_t group,
					     struct driver_link *wanted, char *problem,
					     size_t size);

/*
 * Links to a volume a process that belongs to no VM and has a memory group of its own; `user` is
 * its name. Returns NULL, with the reason in `problem`, if that is not possible.
 */
struct driver_link *disk_volume_attach_alone(const char *user, handle_t group,
					     const struct store *store,
					     const struct store_volume *volume, bool read_only,
					     char *problem, size_t size);
