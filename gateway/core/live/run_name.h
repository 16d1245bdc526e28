/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Names of runs' VMs: run_NUMBER_MARK, where the mark is made of the number and of a key that only
 * this gateway has, so that nobody else's VM has such a name by chance or by guessing.
 */
bool run_name_setup(void); /* false: there is no key; a sentence is on stderr */
void run_name_make(uint64_t number, char *name, size_t room);
/* Returns whether it is the name of a VM that this gateway has made for a run. */
bool run_name_is(const char *name);
