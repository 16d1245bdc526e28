/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/lock.h"

/*
 * The object lock guards what objects are to each other: handles, groups' members, processes'
 * threads, queues and their signals, what a thread waits for and which CPU is its home. System
 * calls hold it, SYS_VCPU_RUN apart; entering a guest and settling its exits never does.
 */
extern struct lock object_lock;
