/* SPDX-License-Identifier: MIT */
#pragma once

/* Handles some events, then does a step of all that is under way; waits if nothing is due. */
void event_loop_run_once(void);
