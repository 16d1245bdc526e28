/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/http/request.h"

/*
 * A change that is under way. It answers the request that began it when it ends within the time
 * that was asked for, else with 202 and its id; it goes on when the client leaves.
 */
enum operation_kind {
	OPERATION_REPLY, /* done when Skerry has replied */
	OPERATION_STOP,	 /* done when the VM runs no more */
	/* as OPERATION_REPLY, but the answer is the first row of what Skerry replied */
	OPERATION_RESULT,
};

/*
 * Asks Skerry for `command arguments`; `target` is a VM's name, "host", or STORE/VOLUME.
 * `wanted` is the state in which nothing is to be done, or NULL; `status` is the answer's status
 * when all went well. A target has one operation at a time.
 */
void operation_start(struct request *request, enum operation_kind kind, const char *command,
		     const char *const *arguments, const char *target, const char *wanted,
		     unsigned status, unsigned wait_s);

/* The cache has changed, the time has gone on, Skerry is another. */
void operation_look(void);
void operation_restarted(void);

/*
 * The handler that shows an operation: the asker's own, or, for an operator, any of a VM in scope.
 */
void operation_show(struct request *request);
