/* SPDX-License-Identifier: MIT */
#pragma once

#include "mm/cache.h"

/* Where the kernel's objects come from, one cache for each type. */
extern struct cache cache_group;
extern struct cache cache_process;
extern struct cache cache_thread;
extern struct cache cache_queue;
extern struct cache cache_event;
extern struct cache cache_irq;
extern struct cache cache_vm;
extern struct cache cache_vcpu;
extern struct cache cache_run_queue;

void caches_init(void);
