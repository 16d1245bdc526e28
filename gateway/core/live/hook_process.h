/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/buffer.h"
#include "gateway/core/live/side_process.h"

/*
 * The process hook, which is started when there is something to send, and ends when there was
 * nothing for some time.
 */

/*
 * How a delivery went: `status` is that of HTTP, 0 if it failed, 1 if it must not be sent. The
 * process is not to be believed: `text` has no 0 inside, and may be anything else. Returns false
 * when it says what it must not: then it is ended.
 */
typedef bool hook_process_result(uint32_t id, unsigned status, const char *text);
/* The process is gone, and what was under way with it. */
typedef void hook_process_gone(void);

void hook_process_setup(hook_process_result *result, hook_process_gone *gone);
/* Hands over a delivery, as fields. Returns false if the process cannot be started now. */
bool hook_process_send(uint32_t id, const struct buffer *fields);
/* Ends the process, which is started anew when there is something to send. */
void hook_process_drop(void);
/* For core's main loop, which watches it. */
extern struct side_process hook_process;
