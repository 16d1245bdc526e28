/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/cli/cli.h"

/* Adds the paths of --output to a request for a run. Ends the program if an option is wrong. */
void run_output_add(json_t *body, const struct cli *cli);
/*
 * Writes the files of --output of a run that has ended. Returns false, after a sentence on stderr
 * for each, if the run lacks some of them or some cannot be written.
 */
bool run_output_fetch(struct cli *cli, const char *number);
