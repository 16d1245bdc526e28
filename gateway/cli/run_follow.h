/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/cli/cli.h"

/*
 * Starts or follows a run whose output comes as events, and prints the output as it comes. Returns
 * false without a run; `*code` is the exit code then. Otherwise `*run` is the last event, which
 * describes the run's end and which the caller frees, or NULL if Ctrl-C was pressed and the run was
 * ended.
 */
bool run_follow(struct cli *cli, const char *method, const char *path, const json_t *body,
		json_t **run, enum cli_exit *code);
/*
 * Prints the output `name` of `run`, unchanged or, on a terminal, with characters escaped that move
 * the cursor.
 */
void run_print(const json_t *run, const char *name, FILE *out, bool as_is);
