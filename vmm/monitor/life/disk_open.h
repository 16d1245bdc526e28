/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"

struct machine;

/*
 * Opens the links to the VM's disks; the disk drivers' signals arrive in the machine's queue under
 * `key`.
 */
enum status disk_open_all(struct machine *machine, u64 key) MUST_CHECK;
/*
 * Binds the disk drivers' signals to this process's queue again, after another monitor process had
 * them.
 */
enum status disk_bind_all(struct machine *machine, u64 key) MUST_CHECK;
