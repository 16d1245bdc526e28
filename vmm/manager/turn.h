/* SPDX-License-Identifier: MIT */
#pragma once

/* Some of what has happened, then a step of all that is under way; waits when nothing is. */
void turn(void);
