/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * The long lock and then the object lock, for whoever makes, changes or ends objects: the steps of
 * a teardown, the end of a process, and all system calls but those that wait, signal, kick and
 * yield, which share the objects. So a wake-up waits for one of these at most, on however many CPUs
 * they are made.
 */
void long_lock(void);
void long_unlock(void);

/*
 * Between these two the caller has the long lock alone: others signal and wake, and look handles
 * up. It may work on memory objects, spaces and what nobody else knows yet, and drop references to
 * memory objects; not on handles, threads, queues and groups' members.
 */
void long_aside(void);
void long_back(void);
/* Whether this CPU is between them. */
bool long_is_aside(void);
