/* SPDX-License-Identifier: MIT */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/buffer.h"

/*
 * The process hook: it is started when there is a delivery to send, and ends after some time
 * without one.
 */

/*
 * Takes the result of a delivery: `status` is the HTTP status, 0 if the delivery failed, 1 if it
 * must not be sent. The process is not trusted: `text` has no NUL inside, but may be any bytes.
 * Returns false if the process broke the protocol, which is then ended.
 */
typedef bool hook_process_result(uint32_t id, unsigned status, const char *text);
/* Tells that the process has ended, and that its deliveries under way are lost. */
typedef void hook_process_gone(void);

void hook_process_setup(hook_process_result *result, hook_process_gone *gone);
/*
 * Hands a delivery to the process, as fields. Returns false if the process cannot be started now.
 */
bool hook_process_send(uint32_t id, const struct buffer *fields);
struct pollfd hook_process_wait(void);
void hook_process_ready(void);
/* Ends the process; the next delivery starts another one. */
void hook_process_drop(void);
/* Notes if the process has ended. */
void hook_process_reap(void);
void hook_process_end(void);
