/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/text/text.h"
#include "kernel/abi/log.h"

/* The options of the kernel's command line on which the manager acts. */
struct options {
	char config[64]; /* name of the configuration file */
	u32 console;	 /* the operator's serial port: 1 is COM1, 2 is COM2 */
	bool log_given;
	/* the lowest level of lines that are logged, enum log_level; LOG_LEVEL_COUNT: nothing is */
	u32 log;
	char run[512]; /* the commands of `run=`, separated by ';' */
};

/*
 * Fills in the defaults and then the options of the line. Each word that is not understood is given
 * to `report`, with what would be right; the other words still count.
 */
void options_parse(struct options *options, const char *line,
		   void (*report)(void *context, const char *problem), void *context);
