/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

/*
 * What core tells the process publish of a run's ports, and hears of them (base/message.h): each
 * run's are named by a number that core chooses.
 */
enum {
	PUBLISH_PORTS = 8, /* the most ports of one run */
	PUBLISH_NETS = 4,  /* the most networks into which the process may dial */
};

/* MESSAGE_REQUEST: opens the ports of a run, all or none. MESSAGE_CANCEL closes them. */
struct publish_order {
	uint64_t owner;	  /* whose run it is: the same number for all runs of one owner */
	uint32_t address; /* of the run's guest, IPv4 in the byte order of this computer */
	uint32_t count;
	struct publish_port {
		uint16_t host; /* on this computer; 0: any that is free */
		uint16_t guest;
	} ports[PUBLISH_PORTS];
};

/*
 * MESSAGE_ANSWER to a request; a cancelled one is answered with MESSAGE_END, when nobody can
 * connect any more and no connection is left.
 */
struct publish_answer {
	uint32_t error;		       /* of errno; 0: the ports are open */
	uint32_t at;		       /* which of the ports the error is about */
	uint16_t hosts[PUBLISH_PORTS]; /* the ports of this computer */
};
