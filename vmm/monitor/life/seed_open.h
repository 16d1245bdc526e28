/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"

struct machine;

/*
 * Makes the CD-ROM drive with the seed of a machine that starts by firmware, if the manager gave
 * the text for one.
 */
enum status seed_open(struct machine *machine) MUST_CHECK;
