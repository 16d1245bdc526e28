/* SPDX-License-Identifier: MIT */
#include "kernel/caches.h"
#include "kernel/group.h"
#include "kernel/irq.h"
#include "kernel/process.h"
#include "kernel/queue.h"
#include "kernel/run_queue.h"
#include "kernel/thread.h"
#include "kernel/vcpu.h"
#include "kernel/vm.h"

struct cache cache_group;
struct cache cache_process;
struct cache cache_thread;
struct cache cache_queue;
struct cache cache_event;
struct cache cache_irq;
struct cache cache_vm;
struct cache cache_vcpu;
struct cache cache_run_queue;

void caches_init(void)
{
	cache_init(&cache_group, sizeof(struct group));
	cache_init(&cache_process, sizeof(struct process));
	cache_init(&cache_thread, sizeof(struct thread));
	cache_init(&cache_queue, sizeof(struct queue));
	cache_init(&cache_event, sizeof(struct event));
	cache_init(&cache_irq, sizeof(struct irq));
	cache_init(&cache_vm, sizeof(struct vm));
	cache_init(&cache_vcpu, sizeof(struct vcpu));
	cache_init(&cache_run_queue, sizeof(struct run_queue));
}
