/* SPDX-License-Identifier: MIT */
/*
 * Decides which thread runs on which CPU: puts threads on run queues, tells CPUs to choose anew,
 * moves threads and makes reservations. Threads, queues and system calls report threads that can
 * run or have died; kernel/cpu/cpu_loop.c asks for the next one. It owns each CPU's queue,
 * `running` and scheduling times, guarded by the CPU's lock; a thread's home changes only with the
 * object lock held alone.
 */
#include "kernel/sched/sched.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/cpu/tsc.h"
#include "arch/x86_64/cpu/cpus.h"
#include "kernel/group/group_types.h"
#include "kernel/log/log.h"
#include "kernel/object/object_lock.h"
#include "kernel/group/process_types.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/timer.h"
#include "kernel/sched/vcpu_load.h"
#include "mm/cache.h"

#define GIVE_TRIES 8u /* the most threads considered when one is to be handed to another CPU */
/* CPUs with numbers from this on have no bit in an affinity: every group may use them */
#define AFFINITY_CPUS 64u

bool sched_init(struct cpu *cpu)
{
	list_init(&cpu->sleeping);
	list_init(&cpu->dropped);
	/* ORed in, as an NMI may have set a bit on the boot CPU already */
	cpu->pending |= PENDING_RESCHEDULE;
	if (cache_alloc(NULL, CACHE_RUN_QUEUE, sizeof(*cpu->queue), (void **)&cpu->queue) !=
	    STATUS_OK)
		return false;
	run_queue_init(cpu->queue, cpu->id, tsc_from_ns(SCHED_SLICE_NS));
	return true;
}

static struct thread *sched_thread_of(struct run_entity *entity)
{
	return CONTAINER_OF(entity, struct thread, run);
}

static bool sched_allowed(u64 affinity, u32 id)
{
	return id >= AFFINITY_CPUS || (affinity >> id & 1) != 0;
}

bool sched_affinity_valid(u64 affinity)
{
	u32 last = MIN(cpus_count(), AFFINITY_CPUS) - 1;

	return cpus_count() > AFFINITY_CPUS || (affinity & BITS(last, 0)) != 0;
}

void sched_changed(void)
{
	for (u32 id = 0; id < cpus_count(); id++)
		cpus_pend(cpus_get(id), PENDING_RESCHEDULE | PENDING_TIMER);
}

static u64 sched_load_of(const struct cpu *cpu)
{
	return __atomic_load_n(&cpu->queue->load, __ATOMIC_RELAXED);
}

struct cpu *sched_place(u64 affinity)
{
	struct cpu *best = NULL;

	for (u32 id = 0; id < cpus_count(); id++) {
		struct cpu *cpu = cpus_get(id);

		if (sched_allowed(affinity, id) &&
		    (best == NULL || sched_load_of(cpu) < sched_load_of(best)))
			best = cpu;
	}
	return best != NULL ? best : this_cpu();
}

/*
 * Adds to the group's page the deadlines that the thread's reservation missed since the last call.
 */
static void sched_publish_missed(struct thread *thread)
{
	u64 *missed = &thread->run.reservation.missed_count;

	if (*missed == 0)
		return;
	__atomic_fetch_add(&thread->process->group->page->missed, *missed, __ATOMIC_RELAXED);
	*missed = 0;
}

/*
 * Charges ticks of CPU time to the thread's own group, and to the group for which the thread works.
 */
static void sched_charge_thread(struct cpu *cpu, struct thread *thread, u64 ticks, u64 now)
{
	if (thread->served != NULL)
		__atomic_fetch_add(&thread->served->run.owed, ticks, __ATOMIC_RELAXED);
	run_queue_charge(cpu->queue, &thread->run, ticks, now);
}

/*
 * Charges the CPU's running thread up to now, with its debt for switches, under the lock of the
 * CPU's queue. Returns the time up to which it has charged.
 */
static u64 sched_charge(struct cpu *cpu)
{
	struct thread *running = cpu->running;
	u64 now = rdtsc();
	u64 ran = now - cpu->charged_tsc;

	cpu->charged_tsc = now;
	if (running == NULL || (s64)ran < 0)
		return now;
	__atomic_fetch_add(&running->process->group->page->cpu_tsc, ran, __ATOMIC_RELAXED);
	sched_charge_thread(cpu, running, ran + cpu->surcharge, now);
	cpu->surcharge = 0;
	sched_publish_missed(running);
	return now;
}

/* Locks the CPU's queue and charges its running thread. */
static u64 sched_queue_lock(struct cpu *cpu)
{
	lock_acquire(&cpu->lock, LOCK_RUN);
	return sched_charge(cpu);
}

/* Publishes which thread runs on the CPU, since `now` and until when, and unlocks the queue. */
static void sched_queue_publish(struct cpu *cpu, u64 now)
{
	struct thread *running = cpu->running;
	u64 delay = run_queue_next_event(cpu->queue, running != NULL ? &running->run : NULL, now);

	cpu->counters->tag = running != NULL ? running->process->group->tag : 0;
	cpu->counters->running_since_tsc = running != NULL ? now : 0;
	__atomic_store_n(&cpu->queue_tsc, delay != ~0ull ? now + delay : 0, __ATOMIC_RELAXED);
	timer_stale(cpu);
	lock_release(&cpu->lock, LOCK_RUN);
}

/* Wakes an idle CPU that the affinity allows, which may then ask a busy CPU for a thread. */
static void sched_wake_idle_cpu(u64 affinity)
{
	for (u32 id = 0; id < cpus_count(); id++) {
		struct cpu *cpu = cpus_get(id);

		if (sched_allowed(affinity, id) && __atomic_load_n(&cpu->idle, __ATOMIC_RELAXED)) {
			cpus_pend(cpu, PENDING_RESCHEDULE);
			return;
		}
	}
}

void sched_ready(struct thread *thread)
{
	struct cpu *cpu = thread->cpu;
	struct run_entity *running;
	u64 now = sched_queue_lock(cpu);
	bool look;

	/* the thread's CPU has not yet taken the thread off the run queue */
	if (thread->run.runnable && thread->run.queue != NULL) {
		lock_release(&cpu->lock, LOCK_RUN);
		return;
	}
	if (!thread->run.runnable)
		thread->ready_tsc = now;
	running = cpu->running != NULL ? &cpu->running->run : NULL;
	run_queue_add(cpu->queue, &thread->run, now);
	look = running == NULL || run_queue_preempts(cpu->queue, running, &thread->run);
	if (look) /* a CPU that looks publishes its findings */
		lock_release(&cpu->lock, LOCK_RUN);
	else
		sched_queue_publish(cpu, now);

	if (look || cpu != this_cpu())
		cpus_pend(cpu, look ? PENDING_RESCHEDULE : PENDING_TIMER);
	if (running != NULL && cpus_count() > 1)
		sched_wake_idle_cpu(thread->process->group->affinity);
}

void sched_remove(struct thread *thread)
{
	struct cpu *cpu = thread->cpu;
	u64 now = sched_queue_lock(cpu);

	if (cpu->running != thread && thread->run.runnable)
		run_queue_remove(cpu->queue, &thread->run, now);
	lock_release(&cpu->lock, LOCK_RUN);
}

void sched_serve(struct thread *thread, struct group *group)
{
	struct cpu *cpu = thread->cpu;
	struct group *before = thread->served;

	if (group == thread->process->group)
		group = NULL;
	if (group == before)
		return;
	lock_acquire(&cpu->lock, LOCK_RUN);
	if (cpu->running == thread)
		(void)sched_charge(cpu);
	thread->served = group;
	lock_release(&cpu->lock, LOCK_RUN);
	if (group != NULL)
		object_get(&group->object);
	if (before != NULL)
		object_drop(&before->object);
}

static void sched_begin(struct thread *thread, u64 now)
{
	s64 waited = (s64)(now - thread->ready_tsc);

	if (waited <= 0) /* the wait seems negative where another CPU's clock is a little ahead */
		return;
	thread->waited_tsc += (u64)waited;
	if (thread->ran != NULL)
		vcpu_show_waited(thread);
	__atomic_fetch_add(&thread->process->group->page->waited_tsc, (u64)waited,
			   __ATOMIC_RELAXED);
}

void sched_next(struct cpu *cpu)
{
	struct thread *before = cpu->running;
	struct run_entity *running = NULL;
	struct run_entity *next;
	bool goes_on;
	u64 now;

	lock_acquire(&cpu->lock, LOCK_RUN);
	goes_on = before != NULL && before->state == THREAD_READY;
	if (!goes_on)
		cpu->surcharge += tsc_from_ns(SCHED_WAIT_NS);
	now = sched_charge(cpu);
	cpu->surcharge = 0;
	if (goes_on) {
		before->ready_tsc = now;
		running = &before->run;
	} else if (before != NULL) {
		run_queue_remove(cpu->queue, &before->run, now);
	}
	next = run_queue_next(cpu->queue, running, now);
	cpu->running = next != NULL ? sched_thread_of(next) : NULL;
	cpu->grace = false;
	if (next != NULL && next != running) {
		sched_begin(cpu->running, now);
		cpu->counters->switches++;
		if (running != NULL && running->group != next->group)
			cpu->surcharge = tsc_from_ns(SCHED_SWITCH_NS);
	}
	sched_queue_publish(cpu, now);
}

void sched_extend(struct cpu *cpu)
{
	struct run_queue *queue = cpu->queue;
	bool reserved = cpu->running->run.reservation.remaining != 0;
	u64 now = sched_queue_lock(cpu);

	cpu->grace = !reserved && !heap_tick_before(now, queue->slice_end);
	if (cpu->grace)
		queue->slice_end = now + tsc_from_ns(SCHED_GRACE_NS);
	sched_queue_publish(cpu, now);
}

bool sched_must_move(const struct cpu *cpu)
{
	const struct thread *thread = cpu->running;

	return thread != NULL && (thread->wanted != NULL ||
				  !sched_allowed(thread->process->group->affinity, cpu->id));
}

void sched_move(struct cpu *cpu)
{
	struct thread *thread = cpu->running;
	struct cpu *target = thread->wanted;
	u64 now;

	thread->wanted = NULL;
	if (target == NULL || !sched_allowed(thread->process->group->affinity, target->id))
		target = sched_place(thread->process->group->affinity);
	if (thread->state != THREAD_READY || target == cpu)
		return;
	now = sched_queue_lock(cpu);
	run_queue_detach(cpu->queue, &thread->run, now);
	cpu->running = NULL;
	sched_queue_publish(cpu, now);
	thread_unload(cpu, thread);
	thread->cpu = target;
	thread->ready_tsc = now;
	log_debug(LOG_SCHED, "thread moves to CPU %u", target->id);
	sched_ready(thread);
	cpus_pend(cpu, PENDING_RESCHEDULE);
}

enum status sched_yield(struct cpu *cpu, struct thread *to)
{
	bool waits;

	(void)sched_queue_lock(cpu);
	waits = to == NULL || (to->cpu == cpu && run_queue_yield_to(&cpu->running->run, &to->run));
	lock_release(&cpu->lock, LOCK_RUN);
	if (!waits)
		return STATUS_NOT_FOUND;
	cpus_pend(cpu, PENDING_RESCHEDULE);
	return STATUS_OK;
}

void sched_request_work(struct cpu *cpu)
{
	u64 now = rdtsc();
	struct cpu *victim = NULL;

	for (u32 id = 0; id < cpus_count(); id++) {
		struct cpu *other = cpus_get(id);

		if (other != cpu && other->queue->count > 1 &&
		    now - other->gave_nothing_tsc >= tsc_from_ns(SCHED_ASK_NS) &&
		    (victim == NULL || sched_load_of(other) > sched_load_of(victim)))
			victim = other;
	}
	if (victim != NULL)
		cpus_pend(victim, PENDING_GIVE);
}

/*
 * Returns true if the load of CPU `there`, with the thread's added, does not exceed the load of CPU
 * `here`. The loads may become equal, so that three threads take turns at having one of two CPUs
 * alone; the thread that moved last stays for SCHED_STAY_NS.
 */
static bool sched_better(const struct cpu *there, const struct cpu *here,
			 const struct thread *thread, u64 now)
{
	return there != here && sched_load_of(there) + thread->run.load <= sched_load_of(here) &&
	       (sched_load_of(there) == 0 || now - thread->moved_tsc > tsc_from_ns(SCHED_STAY_NS));
}

/*
 * Takes a waiting thread off the CPU's queue: the one furthest behind in virtual time of those that
 * are better off on another CPU. Returns NULL if there is none; sets *target to the thread's new
 * CPU.
 */
static struct thread *sched_take(struct cpu *cpu, struct cpu **target, u64 now)
{
	struct run_entity *entity = NULL;
	struct thread *found = NULL;

	lock_acquire(&cpu->lock, LOCK_RUN);
	for (u32 n = 0; n < GIVE_TRIES && found == NULL; n++) {
		entity = run_queue_next_waiting(cpu->queue, entity);
		if (entity == NULL)
			break;
		*target = sched_place(sched_thread_of(entity)->process->group->affinity);
		if (sched_better(*target, cpu, sched_thread_of(entity), now))
			found = sched_thread_of(entity);
	}
	if (found != NULL)
		run_queue_detach(cpu->queue, entity, now);
	lock_release(&cpu->lock, LOCK_RUN);
	return found;
}

void sched_give(struct cpu *cpu)
{
	u64 now = rdtsc();
	struct cpu *target;
	struct thread *thread = sched_take(cpu, &target, now);

	cpu->balance_tsc = now + tsc_from_ns(thread != NULL ? SCHED_BALANCE_NS : SCHED_RETRY_NS);
	if (thread == NULL) {
		cpu->gave_nothing_tsc = now;
		return;
	}
	thread_unload(cpu, thread);
	target->balance_tsc = cpu->balance_tsc;
	thread->cpu = target;
	thread->moved_tsc = now;
	sched_ready(thread);
}

static u64 sched_permille_of(u64 budget, u64 period)
{
	return period != 0 ? (budget * 1000 + period - 1) / period : 0;
}

/*
 * Returns the ticks to reserve for a budget: the budget itself, and the cost of the switches that
 * come with it once a period.
 */
static u64 sched_reserved_ticks(u64 budget_ns, u64 period_ns)
{
	return budget_ns == 0 ? 0 : tsc_from_ns(MIN(budget_ns + SCHED_RESERVE_NS, period_ns));
}

static bool sched_reserve_here(struct thread *thread, u64 budget_ns, u64 period_ns,
			       u64 *left_permille)
{
	struct group *group = thread->process->group;
	struct cpu *cpu = thread->cpu;
	u64 now = sched_queue_lock(cpu);
	bool admitted;

	admitted = run_queue_reserve(cpu->queue, &thread->run,
				     sched_reserved_ticks(budget_ns, period_ns),
				     tsc_from_ns(period_ns), now, left_permille);
	sched_queue_publish(cpu, now);
	if (!admitted)
		return false;
	group->page->reserved_permille -= thread->reserved_permille;
	thread->reserved_permille = sched_permille_of(budget_ns, period_ns);
	group->page->reserved_permille += thread->reserved_permille;
	cpus_pend(cpu, PENDING_RESCHEDULE);
	return true;
}

/*
 * Returns the CPU, other than the thread's own, with most left to reserve among those that the
 * thread may use; NULL if none has enough.
 */
static struct cpu *sched_find_room(const struct thread *thread, u64 budget, u64 period,
				   u64 *left_permille)
{
	struct cpu *best = NULL;

	for (u32 id = 0; id < cpus_count(); id++) {
		struct cpu *cpu = cpus_get(id);
		u64 left;
		bool fits;

		if (cpu == thread->cpu || !sched_allowed(thread->process->group->affinity, id))
			continue;
		lock_acquire(&cpu->lock, LOCK_RUN);
		fits = run_queue_admit(cpu->queue->reserved, budget, period, &left);
		lock_release(&cpu->lock, LOCK_RUN);
		if (fits && (best == NULL || left > *left_permille))
			best = cpu;
		*left_permille = MAX(*left_permille, left);
	}
	return best;
}

enum status sched_reserve(struct thread *thread, u64 budget_ns, u64 period_ns, u64 *left_permille)
{
	struct group *group = thread->process->group;
	u64 others = group->page->reserved_permille - thread->reserved_permille;
	u64 ignored;

	if (others + sched_permille_of(budget_ns, period_ns) > group->reservable_permille) {
		*left_permille =
			group->reservable_permille - MIN(others, group->reservable_permille);
		return STATUS_NO_QUOTA;
	}
	if (sched_allowed(group->affinity, thread->cpu->id) &&
	    sched_reserve_here(thread, budget_ns, period_ns, left_permille))
		return STATUS_OK;
	thread->wanted = sched_find_room(thread, sched_reserved_ticks(budget_ns, period_ns),
					 tsc_from_ns(period_ns), left_permille);
	if (thread->wanted == NULL || thread != this_cpu()->running) {
		thread->wanted = NULL;
		return STATUS_NO_QUOTA;
	}
	/* The thread moves without its reservation, and makes a new one on the other CPU. */
	(void)sched_reserve_here(thread, 0, 0, &ignored);
	cpus_pend(this_cpu(), PENDING_RESCHEDULE);
	return STATUS_AGAIN;
}

void sched_forget(struct thread *thread)
{
	thread->process->group->page->reserved_permille -= thread->reserved_permille;
	lock_acquire(&thread->cpu->lock, LOCK_RUN);
	if (thread->run.queue != NULL)
		run_queue_detach(thread->cpu->queue, &thread->run, rdtsc());
	lock_release(&thread->cpu->lock, LOCK_RUN);
}
