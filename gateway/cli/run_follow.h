/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/cli/cli.h"

/*
 * Asks for a run whose output comes as events, and shows each as it comes. Returns false when there
 * was no answer, or a problem: `*code` says how to end. Else `*run` is how the run ended, which the
 * caller frees, or NULL when somebody has pressed Ctrl-C: the run is ended then.
 */
bool run_follow(struct cli *cli, const char *method, const char *path, const json_t *body,
		json_t **run, enum cli_exit *code);
/* Shows what the command has printed in `run`: at a terminal without what moves the cursor. */
void run_print(const json_t *run, const char *name, FILE *out);
