/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/publish.h"
#include "gateway/core/live/side_process.h"

struct request;
struct run;

/*
 * Published ports of runs: the process publish listens at them, and connects clients to the run's
 * guest, at the address that the switch holds its card to. They are open before the run's command
 * begins, and closed before its VM is destroyed, whose address another guest may get then.
 */
enum {
	RUN_PUBLISHED = 16,	  /* the most published ports of one owner */
	RUN_PUBLISH_REQUESTS = 4, /* the most that wait for the ports of one run to be closed */
	RUN_PUBLISH_CLOSE_S = 2,  /* in which the process must have closed ports, or is ended */
};

enum run_publish_state {
	RUN_PUBLISH_NONE,  /* nothing was done yet */
	RUN_PUBLISH_LOOKS, /* waits for a list of VMs that shows the guest's address */
	RUN_PUBLISH_ASKED, /* the process was asked to open the ports */
	RUN_PUBLISH_AGAIN, /* the process has ended, and is to be asked again */
	RUN_PUBLISH_OPEN,
	RUN_PUBLISH_CLOSING,
	RUN_PUBLISH_CLOSED,
};

struct run_publish {
	enum run_publish_state state;
	uint32_t id;		    /* by which the process knows the ports */
	struct publish_order order; /* its `count` is 0 when nothing is to be published */
	double since_s;		    /* when the state began, by clock_now_s() */
	uint64_t audit;		    /* the line that waits for its result */
	/* are answered when the ports are closed; 0: none */
	uint32_t requests[RUN_PUBLISH_REQUESTS];
};

/* Adds [HOSTPORT:]GUESTPORT[/tcp]. Returns NULL, or the sentence that says what would be right. */
const char *run_publish_add(struct run_publish *publish, const char *text);
/*
 * Returns whether the asker may publish these ports, as far as that can be known before the run
 * begins. If not, answers the request.
 */
bool run_publish_may(struct request *request, const struct run_publish *publish);
/*
 * Returns whether the run's ports are open, or it has none. If not, has them opened, and calls
 * run_frame_seed() when that is done: the init gets no random seed, and so no command, before.
 */
bool run_publish(struct run *run);
/*
 * A list of VMs has come: looks for addresses that runs wait for, and has the ports of a run closed
 * whose VM has the address no more, or not alone.
 */
void run_publish_listed(void);
/*
 * Has the run's ports closed. Returns whether they are; if not, calls run_destroy() when that is
 * done.
 */
bool run_publish_end(struct run *run);
/*
 * Answers a request when the run's ports are closed, or says that too many wait for that. Returns
 * false if it need not be waited for.
 */
bool run_publish_answer(struct run *run, struct request *request);
void run_publish_tick(double now_s);
/* Returns the run's published ports, or NULL if it has none. */
json_t *run_publish_json(const struct run *run);
/* For core's main loop, which watches it. */
extern struct side_process run_publish_process;
