/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"

struct machine;

/*
 * Makes the CD-ROM drive with cloud-init's files, for a VM that starts by firmware, if the manager
 * has given a user-data text for it.
 */
enum status seed_open(struct machine *machine) MUST_CHECK;
/* Offers the seed to a clone, which is a new instance to it, whatever the VM of its state has done.
 */
void seed_offer(struct machine *machine);
