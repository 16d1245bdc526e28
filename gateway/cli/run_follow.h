/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/cli/cli.h"

/*
 * Starts or follows a run whose output comes as events, and prints the output as it comes. Returns
 * false without a run; `*code` is the exit code then. Else `*run` is the last event, with how the
 * run ended, which the caller frees; or NULL when Ctrl-C was pressed and the run was ended.
 */
bool run_follow(struct cli *cli, const char *method, const char *path, const json_t *body,
		json_t **run, enum cli_exit *code);
/*
 * Prints the output `name` of `run`: to a terminal without what would move the cursor, unless it is
 * to be printed as it is.
 */
void run_print(const json_t *run, const char *name, FILE *out, bool as_is);
