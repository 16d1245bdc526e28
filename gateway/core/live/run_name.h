/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Names of runs' VMs: run_NUMBER_MARK, where the mark is computed from the number and a key that
 * only this gateway has, so that no other VM has such a name by chance or by guessing.
 */
bool run_name_setup(void); /* returns false, after a sentence on stderr, if there is no key */
void run_name_make(uint64_t number, char *name, size_t room);
/* Returns whether `name` is that of a VM which this gateway has made for a run. */
bool run_name_is(const char *name);
