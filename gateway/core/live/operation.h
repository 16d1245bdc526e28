/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/http/request.h"

/*
 * An operation is a change that is under way. If it ends within the time that the client waits, the
 * request that began it gets the result; else it gets 202 and the operation's id. It continues when
 * the client leaves.
 */
enum operation_kind {
	OPERATION_REPLY, /* done when Skerry has replied */
	OPERATION_STOP,	 /* done when the VM has stopped */
	/* done when Skerry has replied; the answer is the first row of the reply */
	OPERATION_RESULT,
	OPERATION_KEYS, /* done when Skerry has replied, and the VM's keys were read again */
};

/*
 * Sends Skerry `command arguments`; `target` is a VM's name, "host", or STORE/VOLUME. If the VM is
 * in the state `wanted` (or NULL), there is nothing to do. `status` is the answer's status on
 * success. A target has one operation at a time. Returns whether Skerry is asked; if not, the
 * request has been answered.
 */
bool operation_start(struct request *request, enum operation_kind kind, const char *command,
		     const char *const *arguments, const char *target, const char *wanted,
		     unsigned status, unsigned wait_s);

/* Returns whether a change of the target is under way beside which one of that kind cannot begin.
 */
bool operation_is_busy(const char *target, enum operation_kind kind);

/*
 * operation_look() is called when the cache of Skerry's state has changed, or some time has passed,
 * operation_restarted() when Skerry has booted again.
 */
void operation_look(void);
void operation_restarted(void);

/*
 * The handler that shows an operation: the asker's own or, to an operator, any about a VM in scope.
 */
void operation_show(struct request *request);
