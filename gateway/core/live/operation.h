/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/http/request.h"

/*
 * A change that is under way. It answers the request that began it when it ends within the time
 * that was asked for, else with 202 and its id; it goes on when the client leaves.
 */
enum operation_kind {
	OPERATION_REPLY,  /* done when Skerry has replied */
	OPERATION_STOP,	  /* done when the VM runs no more */
	OPERATION_RESULT, /* as REPLY, and what Skerry replied is the answer: its first row */
};

/*
 * Asks Skerry for `command arguments`; `target` is a VM's name or "host". `wanted`: the state in
 * which nothing is to be done, or NULL. `status`: of the answer when all went well. One at a time
 * for a target.
 */
void operation_start(struct request *request, enum operation_kind kind, const char *command,
		     const char *const *arguments, const char *target, const char *wanted,
		     unsigned status, unsigned wait_s);

/* The cache has changed, the time has gone on, Skerry is another. */
void operation_look(void);
void operation_restarted(void);

/* The handler: an operation, one's own or of a VM in scope for an operator. */
void operation_show(struct request *request);
