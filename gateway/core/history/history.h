/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "gateway/core/history/history_file.h"

/*
 * Histories of the host, VMs, disks, networks and stores: samples are gathered for a minute, then
 * written to ring files. A thing is named "host", "vm/NAME", "disk/NAME", "net/NAME" or
 * "store/NAME".
 */

/*
 * Begins histories whose files take at most `mib` MiB; 0: no files. VMs for which `left_out`
 * returns true have no history: VMs whose names never come again would otherwise take the places of
 * all other things that are gone. After a failure the gateway works without histories, and stderr
 * says so.
 */
void history_setup(unsigned mib, bool (*left_out)(const char *vm));
/*
 * The values that a thing had in a round of samples, in the order of the form's series; NAN:
 * unknown.
 */
typedef void history_heard(const struct history_form *form, const char *what, const double *values);
/*
 * Has `heard` called with each thing's values of each round of samples, also if no files are kept.
 */
void history_listen(history_heard *heard);
/* Takes a complete round of samples from the cache of the host. */
void history_sample(void);
/* Writes all waiting samples into the files. */
void history_flush(void);

/* Returns the form that belongs to the thing's name, or NULL if no thing has such a name. */
const struct history_form *history_form(const char *what);
/* Returns the form of the kind in front of the slash, whatever name follows, or NULL. */
const struct history_form *history_form_of_kind(const char *what);
/* Calls `take` for each thing that had samples in the last minutes. */
void history_each(void (*take)(const struct history_form *form, const char *what, void *context),
		  void *context);
/*
 * Reads `count` points of `step_s` seconds each; the first begins at `from`, seconds since 1970 and
 * a multiple of the step. Returns false if the thing has no history.
 */
bool history_read(const char *what, uint32_t from, uint32_t step_s, uint32_t count,
		  struct history_point *points);
/* Returns how many records history_read() reads from a file for `count` points. */
uint32_t history_records(uint32_t step_s, uint32_t count);
