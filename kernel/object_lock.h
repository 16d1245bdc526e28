/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/lock.h"

/*
 * The object lock guards the relations between objects: handles, groups' members, processes'
 * threads, queues and their signals, what a thread waits for and which CPU is its home. All system
 * calls but SYS_VCPU_RUN hold it; entering a guest and settling its exits never takes it. Only who
 * has the long lock too (kernel/long_lock.h) changes handles and makes or destroys objects; whose
 * last reference goes leaves its group's members under this lock alone.
 */
extern struct lock object_lock;
