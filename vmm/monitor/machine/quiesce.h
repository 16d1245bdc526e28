/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct machine;

/*
 * Has QEMU's guest agent in the guest freeze the guest's file systems, and thaw them again, over
 * the port QUIESCE_PORT of the virtio console. What comes from that port is the guest's and not
 * trusted: each byte costs the same little work, lines longer than the buffer are no answers, and a
 * guest that answers wrongly harms itself alone.
 */

/* the most bytes of an answer without its blanks; the answers that count are shorter */
#define QUIESCE_LINE_BYTES    64u
#define QUIESCE_REQUEST_BYTES 160u

enum quiesce_phase {
	QUIESCE_IDLE,
	QUIESCE_SYNCS, /* the agent's answer with our number is awaited, all else is skipped */
	QUIESCE_ASKS,  /* the agent's answer to the freeze is awaited */
	QUIESCE_HAS,   /* the agent has answered the freeze, or has refused it */
	QUIESCE_THAWS, /* the agent is asked to thaw, and has not answered yet */
};

struct quiesce {
	u32 phase;   /* enum quiesce_phase */
	u32 port;    /* number of the console's port; 0: the VM has none for the agent */
	u32 number;  /* by which the agent's answers to us are told from those to others */
	u32 answers; /* requests that the agent has not answered yet */
	u32 length;  /* bytes of `line` */
	bool skips;  /* all bytes up to the agent's delimiter, 0xff, are skipped */
	u32 request_bytes;
	u32 sent; /* bytes of `request` that the guest has taken */
	/* TSC after which the port is no longer read for the answer to a thaw */
	u64 until_tsc;
	char line[QUIESCE_LINE_BYTES];
	char request[QUIESCE_REQUEST_BYTES];
};

/*
 * Asks the agent to freeze the file systems. The channel's `quiesce` tells the manager how that
 * goes; who waits for it, and for how long, is the manager's choice.
 */
void quiesce_begin(struct machine *machine);
/*
 * Asks the agent to thaw the file systems if it was asked to freeze them. Puts the request into the
 * guest's buffers at once, so that a state saved right after has it in there. May be called while
 * no vCPU runs.
 */
void quiesce_thaw(struct machine *machine);
/* Forgets what was asked: the guest boots anew. */
void quiesce_forget(struct machine *machine);
/*
 * Sends what is left of a request, to be called whenever the guest may have made room. Returns
 * whether the port is ours now, so that others' input to it has to wait.
 */
bool quiesce_send(struct machine *machine, u32 port);
/* Takes a byte that the guest wrote to the port; returns false if it is for others. */
bool quiesce_take(struct machine *machine, u32 port, u8 byte);
