/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "gateway/core/history/history_file.h"

/*
 * What the host, VMs, disks and networks did: samples are gathered for a minute, then go into the
 * ring files. A thing is named "host", "vm/NAME", "disk/NAME" or "net/NAME".
 */

/*
 * Begins histories whose files take at most `mib` MiB; 0: nothing is kept. Nor is anything kept of
 * VMs that are `left_out`: one after the other of those whose names come once would take the places
 * of all that are gone. A failure is said on stderr and the gateway works without histories.
 */
void history_setup(unsigned mib, bool (*left_out)(const char *vm));
/*
 * The values that a thing had in a round of samples, in the order of the form's series; NAN:
 * unknown.
 */
typedef void history_heard(const struct history_form *form, const char *what, const double *values);
/* Lets `heard` hear of what each round of samples has, also where no histories are kept. */
void history_listen(history_heard *heard);
/* Takes in a round of samples that is complete, from the cache of the host. */
void history_sample(void);
/* Writes what is gathered into the files. */
void history_flush(void);

/* Returns the form of the thing, which its name says, or NULL if nothing has such a name. */
const struct history_form *history_form(const char *what);
/* Returns the form of the kind that stands before the stroke, whatever name follows, or NULL. */
const struct history_form *history_form_of_kind(const char *what);
/* Calls `take` for each thing that had samples in the last minutes. */
void history_each(void (*take)(const struct history_form *form, const char *what, void *context),
		  void *context);
/*
 * Reads `count` points of `step_s` seconds each, the first from `from` on, which is seconds since
 * 1970 and a multiple of the step. Returns false if nothing is kept of the thing.
 */
bool history_read(const char *what, uint32_t from, uint32_t step_s, uint32_t count,
		  struct history_point *points);
/* Returns how many records history_read() reads from a file for `count` points. */
uint32_t history_records(uint32_t step_s, uint32_t count);
