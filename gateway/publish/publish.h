/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/address.h"
#include "gateway/base/publish.h"

/*
 * The process that publishes ports of runs: it alone listens for clients, and connects them to a
 * run's guest. Core names each run's ports by a number, and hears which ports of this computer they
 * have; the process keeps nothing.
 */
enum {
	PUBLISH_CORE = 3,    /* core's socket; those that the process makes have higher numbers */
	PUBLISH_ORDERS = 16, /* the most runs with published ports at a time */
	PUBLISH_CONNECTIONS = 256,
	PUBLISH_OF_OWNER = 64,	  /* the most connections to the runs of one owner */
	PUBLISH_PIECE = 16384,	  /* bytes that are held of each way of a connection */
	PUBLISH_DIAL_MS = 5000,	  /* in which a guest has to take a connection */
	PUBLISH_ALONE_MS = 30000, /* without a port the process ends; core starts it again */
};

/* What does not change while the process runs. */
struct publish_settings {
	uint32_t address; /* where it listens, IPv4 in the byte order of this computer */
	struct address_range nets[PUBLISH_NETS];
	size_t net_count;
	int64_t idle_ms; /* after which a connection without a byte is ended */
};

/*
 * The process's main function. `words` are where it listens, the seconds after which a connection
 * is idle, and the networks into which it may dial, up to NULL.
 */
int publish_main(int core, char **words);
/* Sets the filter of system calls. Returns false if it could not be set. */
bool publish_seccomp(void);
