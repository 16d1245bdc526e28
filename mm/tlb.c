/* SPDX-License-Identifier: MIT */
/*
 * TLB invalidation without waiting, and the freeing of pages that a CPU may still reach.
 * mm/space.c, mm/layer.c and mm/discard.c flush and free here; kernel/cpu/cpu_loop.c reports each
 * pass of a CPU, kernel/sched/thread.c and kernel/sched/vcpu_load.c which space a CPU runs on. It
 * owns the epochs and the list of pages that wait to be freed, guarded by `tlb_lock`; it loads CR3
 * and kicks CPUs through tlb_arch.
 */
#include "mm/tlb.h"

#include "arch/x86_64/cpu/panic.h"
#include "lib/lock.h"
#include "mm/kernel_space.h"
#include "mm/page.h"
#include "mm/quota.h"
#include "mm/space.h"

#define STEP_BLOCKS 96
/*
 * In each pass through its loop a CPU frees as many waiting blocks as it has put on the list
 * itself, and at most this many of other CPUs'.
 */
#define OTHERS_BLOCKS 2

/*
 * The epochs that a block waits after tlb_page_free. An epoch ends when every CPU has passed
 * through its loop during it. A block freed in epoch e may still be used by the system call that
 * freed it until that CPU passes, and until then another CPU's pass may enter the space with the
 * old generation. So the block waits for the end of e (whose passes may precede the freeing), of e
 * + 1 (the freeing CPU has passed, and flushed) and of e + 2 (all pass once more).
 */
#define EPOCHS_TO_WAIT 3

/*
 * A CPU that twice in a row has not gone through its loop so many ms after a kick is taken for
 * dead: the kernel panics.
 */
#define ANSWER_LIMIT_MS 10000

/* Each CPU's state. Only the CPU itself uses `space` and `seen`; tlb_lock guards the rest. */
static struct tlb_cpu {
	struct space *space; /* the space whose tables CR3 holds; NULL: the kernel's own tables */
	u64 seen;	     /* the generation of `space` when CR3 was loaded */
	u32 passed;	     /* number of the epoch in which the CPU last went through its loop */
	/* number of the epoch in which the CPU was last kicked to go through its loop */
	u32 kicked;
	u64 kicked_ms;
	bool kicked_again;
	bool idle;
	/* how many more blocks this CPU has put on the list of waiting blocks than it has freed */
	u32 owes;
} cpus[CPU_MAX];

static struct lock tlb_lock;
/* tlb_lock guards the state from here on. */
static u32 cpu_count; /* the number of CPUs online, which have the numbers from 0 on */
static u32 epoch = 1;
/*
 * time in ms at which the epoch began, or the first block joined the empty list of waiting blocks
 */
static u64 epoch_ms;
/* time in ms at which a CPU in its loop last checked whether the epoch has ended */
static u64 looked_ms;
/*
 * first frames of the blocks that wait to be freed, oldest first, linked by page.next;
 * page.references has the epoch in which the block joined
 */
static u32 waiting_first;
static u32 waiting_last;
u64 tlb_waiting;
static u64 freed; /* the number of pages that have waited and were freed since boot */

void tlb_page_free(hpa_t hpa, struct quota *quota)
{
	struct page *page = page_of(hpa);
	u32 frame = (u32)(hpa.value >> PAGE_SHIFT);
	enum page_owner owner = page->owner;
	u64 count = 1ull << page->order;
	u64 mark;

	CHECK(page->flags & PAGE_FLAG_HEAD);
	page->next = 0;
	page->previous = 0; /* no quota pays for the block any more */
	lock_acquire(&tlb_lock, LOCK_DEFERRED);
	page->references = epoch;
	if (waiting_first == 0) {
		waiting_first = frame;
		epoch_ms = looked_ms = tlb_arch_clock_ms();
	} else {
		page_of_frame(waiting_last)->next = frame;
	}
	waiting_last = frame;
	tlb_waiting += count;
	cpus[tlb_arch_cpu()].owes++;
	mark = freed + tlb_waiting;
	lock_release(&tlb_lock, LOCK_DEFERRED);
	quota_release(quota, owner, count, mark);
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

/*
 * Adds the CPUs that use the space to `awaited`. A CPU that leaves or enters the space meanwhile
 * compares the space's generation with the one it last used, before it uses the space again.
 */
void tlb_await(const struct space *space, u64 *awaited)
{
	for (u32 word = 0; word < ARRAY_COUNT(space->cpus); word++)
		awaited[word] |= __atomic_load_n(&space->cpus[word], __ATOMIC_SEQ_CST);
}

bool tlb_rest_passed(u64 *awaited)
{
	u64 left = 0;

	for (u32 word = 0; word < CPU_MAX / 64; word++) {
		for (u64 mask = awaited[word]; mask != 0; mask &= mask - 1) {
			u32 cpu = word * 64 + bit_lowest(mask);

			if (!tlb_arch_kicked(cpu))
				awaited[word] &= ~BIT(cpu % 64);
		}
		left |= awaited[word];
	}
	return left == 0;
}

/*
 * Pairs with a CPU that enters the space: that CPU first sets its bit in space->cpus, then reads
 * the generation; this function changes the generation, then reads the bits.
 */
void tlb_flush_space(struct space *space)
{
	__atomic_fetch_add(&space->generation, 1, __ATOMIC_SEQ_CST);
	for (u32 word = 0; word < ARRAY_COUNT(space->cpus); word++) {
		u64 mask = __atomic_load_n(&space->cpus[word], __ATOMIC_SEQ_CST);

		for (; mask != 0; mask &= mask - 1)
			tlb_arch_kick(word * 64 + bit_lowest(mask));
	}
	if (space->devices != NULL)
		space->devices->flush(space);
}

bool tlb_flush_alone(struct space *space)
{
	u32 own = tlb_arch_cpu();
	u64 others = 0;

	__atomic_fetch_add(&space->generation, 1, __ATOMIC_SEQ_CST);
#pragma GCC unroll 4 /* unrolled, as a guest's first write to a page waits for this loop */
	for (u32 word = 0; word < CPU_MAX / 64; word++)
		others |= __atomic_load_n(&space->cpus[word], __ATOMIC_SEQ_CST) &
			  ~(word == own / 64 ? BIT(own % 64) : 0);
	return others == 0;
}

bool tlb_space_runs(const struct space *space)
{
	u64 any = 0;

	for (u32 word = 0; word < ARRAY_COUNT(space->cpus); word++)
		any |= __atomic_load_n(&space->cpus[word], __ATOMIC_SEQ_CST);
	return any != 0;
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
	bool enters = self->space != space;

	if (enters) {
		if (self->space != NULL)
			tlb_space_leave(self->space, cpu);
		self->space = space;
		tlb_space_enter(space, cpu);
	}
	if (tlb_must_flush(space, &self->seen) || enters)
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
	cpus[cpu].passed = epoch;
	cpu_count = cpu + 1;
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

/*
 * Ends the epoch if every CPU has gone through its loop in it, else kicks those that have not; does
 * neither before the epoch is TLB_EPOCH_MS old. The caller holds tlb_lock.
 */
static void tlb_epoch_advance(void)
{
	u64 now = tlb_arch_clock_ms();
	bool all = true;

	if (cpu_count > 1 && now - epoch_ms < TLB_EPOCH_MS)
		return;
	looked_ms = now;
	for (u32 cpu = 0; cpu < cpu_count; cpu++) {
		bool again = cpus[cpu].kicked == epoch;

		if (cpus[cpu].idle || cpus[cpu].passed == epoch)
			continue;
		all = false;
		if (again && (s64)(now - cpus[cpu].kicked_ms) <= ANSWER_LIMIT_MS)
			continue;
		if (again && cpus[cpu].kicked_again)
			panic("CPU %u does not answer", cpu);
		/*
		 * A CPU that did not go through its loop is kicked again: the first time, the whole
		 * host may only have been suspended.
		 */
		cpus[cpu].kicked_again = again;
		cpus[cpu].kicked = epoch;
		cpus[cpu].kicked_ms = now;
		tlb_arch_kick(cpu);
	}
	if (all) {
		epoch++;
		epoch_ms = now;
	}
}

/*
 * Returns true if the block that has waited longest may be freed. Epoch numbers wrap; the
 * difference of two is right even so.
 */
static bool tlb_may_free(void)
{
	u32 frame = __atomic_load_n(&waiting_first, __ATOMIC_RELAXED);
	u32 since = __atomic_load_n(&page_of_frame(frame)->references, __ATOMIC_RELAXED);

	return frame != 0 && __atomic_load_n(&epoch, __ATOMIC_RELAXED) - since >= EPOCHS_TO_WAIT;
}

/*
 * Takes up to `count` blocks that may be freed off the head of the list of waiting blocks; returns
 * how many. The caller holds tlb_lock.
 */
static u32 tlb_waiting_take(u32 count)
{
	for (u32 n = 0; n < count; n++) {
		if (!tlb_may_free())
			return n;
		waiting_first = page_of_frame(waiting_first)->next;
	}
	return count;
}

/*
 * Frees the blocks taken off the list and returns how many pages they had. Holds no lock, lest
 * other CPUs wait for it in their loops.
 */
static u64 tlb_free_taken(u32 frame, u32 count)
{
	u64 pages = 0;

	for (u32 n = 0; n < count; n++) {
		struct page *page = page_of_frame(frame);

		frame = page->next;
		pages += 1ull << page->order;
		page_free(page_hpa(page), NULL);
	}
	return pages;
}

/*
 * Records that this CPU goes through its loop, and frees waiting blocks: as many as this CPU has
 * put on the list, so that freeing costs the time of the CPU that caused it, and a few that other
 * CPUs have.
 */
static NOINLINE void tlb_reclaim(struct tlb_cpu *self)
{
	u32 first, count;
	u64 pages;

	lock_acquire(&tlb_lock, LOCK_DEFERRED);
	self->passed = epoch;
	if (waiting_first != 0)
		tlb_epoch_advance();
	first = waiting_first;
	count = tlb_waiting_take(MIN(STEP_BLOCKS, self->owes + OTHERS_BLOCKS));
	self->owes -= MIN(count, self->owes);
	/*
	 * While no block waits, no CPU's pass through its loop is recorded, so a new epoch begins:
	 * a kick in the old one must not count later.
	 */
	if (waiting_first == 0) {
		epoch++;
		for (u32 cpu = 0; cpu < cpu_count; cpu++)
			cpus[cpu].owes = 0;
	}
	lock_release(&tlb_lock, LOCK_DEFERRED);
	if (count == 0)
		return;
	pages = tlb_free_taken(first, count);
	lock_acquire(&tlb_lock, LOCK_DEFERRED);
	tlb_waiting -= pages;
	freed += pages;
	lock_release(&tlb_lock, LOCK_DEFERRED);
}

static bool tlb_has_changed(const struct tlb_cpu *self)
{
	return __atomic_load_n(&self->space->generation, __ATOMIC_SEQ_CST) != self->seen;
}

/*
 * A CPU's pass through its loop takes tlb_lock only if it is the CPU's first in the epoch, if this
 * CPU has put blocks on the list and one may be freed, or if no CPU has checked for TLB_EPOCH_MS
 * whether the epoch has ended. Passes that do not need the lock avoid it, because where Skerry
 * itself is a guest, a CPU may be suspended while it holds the lock, and all others that want it
 * spin. tlb_may_free, like tlb_cpu_behind, reads here without the lock and may be wrong until the
 * next pass.
 */
void tlb_cpu_passed(u32 cpu, bool used)
{
	struct tlb_cpu *self = &cpus[cpu];

	if (self->space != NULL && (self->space->object.dead || (!used && tlb_has_changed(self))))
		tlb_process_leave(cpu);
	else if (self->space != NULL && tlb_has_changed(self))
		tlb_process_enter(self->space, cpu);
	if (tlb_pages_waiting() && (tlb_cpu_behind(cpu) || (self->owes > 0 && tlb_may_free())))
		tlb_reclaim(self);
}

/*
 * Reads without tlb_lock: a change that it misses is seen when that CPU goes through its loop the
 * next time.
 */
bool tlb_cpu_behind(u32 cpu)
{
	return __atomic_load_n(&cpus[cpu].passed, __ATOMIC_RELAXED) !=
		       __atomic_load_n(&epoch, __ATOMIC_RELAXED) ||
	       tlb_arch_clock_ms() - __atomic_load_n(&looked_ms, __ATOMIC_RELAXED) >= TLB_EPOCH_MS;
}
