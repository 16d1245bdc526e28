/* SPDX-License-Identifier: MIT */
#include "mm/tlb.h"

#include "kernel/panic.h"
#include "lib/lock.h"
#include "mm/kernel_space.h"
#include "mm/page.h"
#include "mm/quota.h"
#include "mm/space.h"

#define STEP_BLOCKS 96

/*
 * Epochs. The epoch moves on when every CPU has passed during it. A block freed in epoch e may be
 * in reach of its freer's own system call until that CPU passes, and a pass of another CPU before
 * that may still enter with the old generation: it takes the end of e (passes may lie before the
 * freeing), of e + 1 (the freer passes: all is flushed) and of e + 2 (everybody passes once more).
 */
#define EPOCHS_TO_WAIT 3

/* A CPU that was kicked and does not pass for so long, twice, never will. */
#define ANSWER_LIMIT_MS 10000

/* Touched by its CPU alone, but for what has to do with epochs, which the lock guards. */
static struct tlb_cpu {
	struct space *space; /* whose tables CR3 holds; NULL: the kernel's own */
	u64 seen;            /* its generation when CR3 was loaded */
	u32 passed;          /* the epoch in which it passed last */
	u32 kicked;          /* the epoch in which it was last reminded to */
	u64 kicked_ms;
	bool kicked_again;
	bool online;
	bool idle;
} cpus[CPU_MAX];

static struct lock tlb_lock;
/* Guarded by the lock. */
static u32 cpu_count; /* numbers of CPUs online are below this */
static u32 epoch = 1;
static u32 waiting_first; /* frames, oldest first, linked by `next`; their epochs in `references` */
static u32 waiting_last;
u64 tlb_waiting;
static u64 freed; /* pages that have waited */

static struct page *frame_page(u32 frame)
{
	return page_of(HPA((u64)frame << PAGE_SHIFT));
}

void tlb_page_free(hpa_t hpa, struct quota *quota)
{
	struct page *page = page_of(hpa);
	u32 frame = (u32)(hpa.value >> PAGE_SHIFT);

	CHECK(page->flags & PAGE_FLAG_HEAD);
	quota_release(quota, page->owner, 1ull << page->order);
	page->next = 0;
	page->previous = 0; /* nobody pays for it any more */
	lock_acquire(&tlb_lock, LOCK_DEFERRED);
	page->references = epoch;
	if (waiting_first == 0)
		waiting_first = frame;
	else
		frame_page(waiting_last)->next = frame;
	waiting_last = frame;
	tlb_waiting += 1ull << page->order;
	lock_release(&tlb_lock, LOCK_DEFERRED);
}

u64 tlb_pages_mark(void)
{
	u64 mark;

	lock_acquire(&tlb_lock, LOCK_DEFERRED);
	mark = freed + tlb_waiting;
	lock_release(&tlb_lock, LOCK_DEFERRED);
	return mark;
}

bool tlb_pages_freed(u64 mark)
{
	return __atomic_load_n(&freed, __ATOMIC_RELAXED) >= mark;
}

void tlb_space_enter(struct space *space, u32 cpu)
{
	__atomic_fetch_or(&space->cpus[cpu / 64], BIT(cpu % 64), __ATOMIC_SEQ_CST);
}

void tlb_space_leave(struct space *space, u32 cpu)
{
	__atomic_fetch_and(&space->cpus[cpu / 64], ~BIT(cpu % 64), __ATOMIC_SEQ_CST);
}

/* Pairs with who enters: it sets its CPU's bit, then reads the generation. */
void tlb_flush_space(struct space *space)
{
	__atomic_fetch_add(&space->generation, 1, __ATOMIC_SEQ_CST);
	for (u32 word = 0; word < ARRAY_COUNT(space->cpus); word++) {
		u64 mask = __atomic_load_n(&space->cpus[word], __ATOMIC_SEQ_CST);

		for (; mask != 0; mask &= mask - 1)
			tlb_arch_kick(word * 64 + bit_lowest(mask));
	}
}

bool tlb_must_flush(const struct space *space, u64 *seen)
{
	u64 generation = __atomic_load_n(&space->generation, __ATOMIC_SEQ_CST);
	bool flush = *seen != generation;

	*seen = generation;
	return flush;
}

void tlb_process_enter(struct space *space, u32 cpu)
{
	struct tlb_cpu *self = &cpus[cpu];
	u64 generation;

	if (self->space != space) {
		if (self->space != NULL)
			tlb_space_leave(self->space, cpu);
		tlb_space_enter(space, cpu);
	}
	generation = __atomic_load_n(&space->generation, __ATOMIC_SEQ_CST);
	if (self->space == space && self->seen == generation)
		return;
	self->space = space;
	self->seen = generation;
	tlb_arch_load_root(space->table.root.kernel);
}

void tlb_process_leave(u32 cpu)
{
	struct tlb_cpu *self = &cpus[cpu];

	if (self->space == NULL)
		return;
	tlb_arch_load_root(kernel_table.root.kernel);
	tlb_space_leave(self->space, cpu);
	self->space = NULL;
}

void tlb_cpu_online(u32 cpu)
{
	lock_acquire(&tlb_lock, LOCK_DEFERRED);
	cpus[cpu].online = true;
	cpus[cpu].passed = epoch;
	cpu_count = MAX(cpu_count, cpu + 1);
	lock_release(&tlb_lock, LOCK_DEFERRED);
}

void tlb_cpu_idle(u32 cpu, bool idle)
{
	if (idle)
		tlb_process_leave(cpu);
	lock_acquire(&tlb_lock, LOCK_DEFERRED);
	cpus[cpu].idle = idle;
	lock_release(&tlb_lock, LOCK_DEFERRED);
}

/* Ends the epoch when everybody has passed in it, and reminds those who have not. */
static void epoch_advance(void)
{
	u64 now = tlb_arch_clock_ms();
	bool all = true;

	for (u32 cpu = 0; cpu < cpu_count; cpu++) {
		bool again;

		if (!cpus[cpu].online || cpus[cpu].idle || cpus[cpu].passed == epoch)
			continue;
		all = false;
		again = cpus[cpu].kicked == epoch;
		if (again && (s64)(now - cpus[cpu].kicked_ms) <= ANSWER_LIMIT_MS)
			continue;
		if (again && cpus[cpu].kicked_again)
			panic("CPU %u does not answer", cpu);
		/* A machine that was suspended meanwhile has taken the time from all its CPUs. */
		cpus[cpu].kicked_again = again;
		cpus[cpu].kicked = epoch;
		cpus[cpu].kicked_ms = now;
		tlb_arch_kick(cpu);
	}
	if (all)
		epoch++;
}

static NOINLINE void take_back(struct tlb_cpu *self)
{
	lock_acquire(&tlb_lock, LOCK_DEFERRED);
	self->passed = epoch;
	if (waiting_first != 0)
		epoch_advance();
	for (u32 n = 0; n < STEP_BLOCKS && waiting_first != 0; n++) {
		struct page *page = frame_page(waiting_first);

		/* Epochs wrap; their distance does not. */
		if (epoch - page->references < EPOCHS_TO_WAIT)
			break;
		waiting_first = page->next;
		tlb_waiting -= 1ull << page->order;
		freed += 1ull << page->order;
		page_free(page_hpa(page), NULL);
	}
	/* Who was reminded in this epoch does not pass in it when nothing waits any more. */
	if (waiting_first == 0)
		epoch++;
	lock_release(&tlb_lock, LOCK_DEFERRED);
}

void tlb_cpu_passed(u32 cpu)
{
	struct tlb_cpu *self = &cpus[cpu];

	if (self->space != NULL && self->space->object.dead)
		tlb_process_leave(cpu);
	else if (self->space != NULL &&
		 __atomic_load_n(&self->space->generation, __ATOMIC_SEQ_CST) != self->seen)
		tlb_process_enter(self->space, cpu);
	if (tlb_pages_waiting() != 0)
		take_back(self);
}
