/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Takes the long lock and then the object lock, for operations that create, change or end objects:
 * the steps of a teardown, the end of a process, and all system calls but those that wait, signal,
 * kick and yield, which share the object lock. So the wake-up of a thread waits for one of these
 * operations at most, however many CPUs make some.
 */
void long_lock(void);
void long_unlock(void);

/*
 * long_aside gives up the object lock, long_back takes it back. In between the caller holds the
 * long lock alone, while other CPUs signal, wake and look handles up. It may work on memory
 * objects, spaces and objects that are not published yet, and put references to memory objects; it
 * may not touch handles, threads, queues or groups' members.
 */
void long_aside(void);
void long_back(void);
/* Returns true if this CPU is between long_aside and long_back. */
bool long_is_aside(void);
