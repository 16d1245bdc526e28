/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"

struct machine;

/*
 * Makes the CD-ROM drive with cloud-init's files, for a VM that starts by firmware, if the manager
 * has given a user-data text for it.
 */
enum status seed_open(struct machine *machine) MUST_CHECK;
/*
 * Has the guest of a clone see the CD with the user-data once more: to cloud-init the clone is a
 * new instance, even if the VM whose state it has loaded has used its own CD.
 */
void seed_offer(struct machine *machine);
