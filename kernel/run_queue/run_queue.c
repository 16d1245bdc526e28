/* SPDX-License-Identifier: MIT */
/*
 * Decides which entity runs next on a CPU, by shares, caps and reservations. kernel/sched/sched.c
 * calls it under the CPU's lock, which guards the queue; a group has a lock of its own for its cap.
 */
#include "kernel/run_queue/run_queue.h"
#include "lib/bits.h"
#include "lib/checked.h"
#include "lib/read_once.h"

/*
 * A group that was not charged on a queue for longer than this starts afresh there, because
 * comparisons hold within 2^63 and virtual time runs at most 2^20 times as fast as the clock
 * (weight 1, 4096 runnable entities in the group).
 */
#define FORGOTTEN_TICKS BIT(40)
/* An entity that runs for more ticks than this at a time runs alone: the excess is not charged. */
#define CHARGED_TICKS_MAX BIT(36)

/* The load of a lone entity of default weight. */
#define LOAD_UNIT 1024u

#define SHORT_SLICES 16u /* a slice is divided by this while a group that has slept waits */

#define RESERVABLE (RUN_RESERVABLE_PERMILLE * 1000000ull)

static struct run_entity *run_queue_fair_entity(struct heap_node *node)
{
	return node == NULL ? NULL : CONTAINER_OF(node, struct run_entity, node);
}

static struct run_share *run_queue_share_of(struct heap_node *node)
{
	return CONTAINER_OF(node, struct run_share, node);
}

static struct run_entity *run_queue_deadline_entity(struct heap_node *node)
{
	return node == NULL ? NULL : CONTAINER_OF(node, struct run_entity, deadline_node);
}

/* --- groups --- */

void run_group_init(struct run_group *group, u64 weight, struct run_share *shares)
{
	*group = (struct run_group){.weight = weight, .shares = shares};
}

void run_group_set_cap(struct run_group *group, u64 percent, u64 period_ticks, u64 now)
{
	lock_acquire(&group->lock, LOCK_GROUP);
	budget_cap_set(&group->cap, percent, period_ticks, now);
	lock_release(&group->lock, LOCK_GROUP);
}

/* A snapshot of a cap, which other CPUs may change at any time. */
struct cap_state {
	u64 left; /* ticks until the cap's budget is spent; 0: it is spent; ~0: it never will be */
	u64 period_end;
};

static struct cap_state run_queue_cap_state(struct run_group *group, u64 now)
{
	struct cap_state state = {~0ull, 0};

	if (likely(READ_ONCE(group->cap.budget) == 0))
		return state;
	lock_acquire(&group->lock, LOCK_GROUP);
	state.left = budget_cap_left(&group->cap, now);
	state.period_end = group->cap.period_end;
	lock_release(&group->lock, LOCK_GROUP);
	return state;
}

/* --- in and out of the heaps --- */

static void run_queue_advance(u64 *time, u64 to)
{
	if (heap_tick_before(*time, to))
		*time = to;
}

/* Advances `time` to the virtual time of the running entity or first waiting one: the earlier. */
static void run_queue_follow(u64 *time, u64 running, const struct heap *waiting)
{
	const struct heap_node *next = waiting->first;

	run_queue_advance(time, next != NULL && heap_tick_before(next->key, running) ? next->key
										     : running);
}

static void run_queue_set_load(struct run_queue *queue, struct run_entity *entity)
{
	const struct run_group *group = entity->group;
	u64 load = LOAD_UNIT * READ_ONCE(group->weight) /
		   (RUN_WEIGHT_DEFAULT * READ_ONCE(group->runnable));

	queue->load += load - entity->load;
	entity->load = load;
}

/* Queues a group; credits it with half a slice if it slept, parks it if its cap is spent. */
static void run_queue_enqueue_share(struct run_queue *queue, struct run_share *share, u64 now)
{
	struct run_group *group = share->group;
	struct cap_state cap = run_queue_cap_state(group, now);

	heap_remove(&share->node);
	if (share->charged == 0 || heap_tick_before(share->charged + FORGOTTEN_TICKS, now))
		share->virtual_time = queue->virtual_time;
	else if (heap_tick_before(share->virtual_time, queue->virtual_time))
		run_queue_advance(&share->virtual_time,
				  queue->virtual_time - mul_div(queue->slice / 2,
								RUN_WEIGHT_DEFAULT, group->weight));
	if (cap.left == 0)
		heap_insert(&queue->parked, &share->node, cap.period_end);
	else
		heap_insert(&queue->fair, &share->node, share->virtual_time);
}

/* Queues an entity without reserved time; if it slept, credits it within its group as well. */
static void run_queue_enqueue_fair(struct run_queue *queue, struct run_entity *entity, u64 now)
{
	struct run_share *share = entity->share;

	run_queue_advance(&entity->virtual_time, share->entities_time - queue->slice / 2);
	heap_insert(&share->waiting, &entity->node, entity->virtual_time);
	if (share->node.heap == NULL)
		run_queue_enqueue_share(queue, share, now);
}

/* Takes a group out of the heaps if none of its entities waits on this queue any more. */
static void run_queue_dequeue_share(struct run_share *share)
{
	if (share->waiting.first == NULL)
		heap_remove(&share->node);
}

static void run_queue_dequeue(struct run_entity *entity)
{
	heap_remove(&entity->node);
	if (unlikely(entity->deadline_node.heap != NULL))
		heap_remove(&entity->deadline_node);
}

static void run_queue_enqueue(struct run_queue *queue, struct run_entity *entity, u64 now)
{
	struct budget_reservation *reservation = &entity->reservation;

	run_queue_set_load(queue, entity);
	if (reservation->budget != 0) {
		if (!heap_tick_before(now, reservation->deadline))
			budget_reservation_renew(reservation, now);
		heap_insert(reservation->remaining != 0 ? &queue->deadline : &queue->exhausted,
			    &entity->deadline_node, reservation->deadline);
	}
	if (reservation->remaining == 0)
		run_queue_enqueue_fair(queue, entity, now);
}

static bool run_queue_is_due(const struct heap *heap, u64 now)
{
	return unlikely(heap->first != NULL) && !heap_tick_before(now, heap->first->key);
}

static NOINLINE void run_queue_enqueue_anew(struct run_queue *queue, struct run_entity *entity,
					    u64 now)
{
	run_queue_dequeue(entity);
	run_queue_enqueue(queue, entity, now);
	run_queue_dequeue_share(entity->share);
}

/* Renews reservations whose deadline has come, puts back parked groups whose period has ended. */
static inline void run_queue_do_due(struct run_queue *queue, u64 now)
{
	while (run_queue_is_due(&queue->deadline, now))
		run_queue_enqueue_anew(queue, run_queue_deadline_entity(queue->deadline.first),
				       now);
	while (run_queue_is_due(&queue->exhausted, now))
		run_queue_enqueue_anew(queue, run_queue_deadline_entity(queue->exhausted.first),
				       now);
	while (run_queue_is_due(&queue->parked, now))
		run_queue_enqueue_share(queue, run_queue_share_of(queue->parked.first), now);
}

/* --- the queue --- */

void run_queue_init(struct run_queue *queue, u64 number, u64 slice)
{
	*queue = (struct run_queue){.number = number, .slice = slice};
}

static void run_queue_attach(struct run_queue *queue, struct run_entity *entity)
{
	const struct budget_reservation *reservation = &entity->reservation;

	entity->queue = queue;
	entity->share = &entity->group->shares[queue->number];
	entity->share->group = entity->group;
	entity->virtual_time += entity->share->entities_time;
	queue->reserved += budget_reservation_share(reservation->budget, reservation->period);
}

void run_queue_add(struct run_queue *queue, struct run_entity *entity, u64 now)
{
	if (entity->queue == NULL)
		run_queue_attach(queue, entity);
	if (!entity->runnable) {
		entity->runnable = true;
		__atomic_fetch_add(&entity->group->runnable, 1, __ATOMIC_RELAXED);
		if (entity->reservation.budget != 0)
			budget_reservation_wake(&entity->reservation, now);
	}
	queue->count++;
	entity->share->runnable++;
	run_queue_enqueue(queue, entity, now);
}

/* Counts the entity for its group's cap; takes no lock if none is set: a new cap begins unspent. */
static void run_queue_set_running(struct run_entity *entity, bool running, u64 now)
{
	struct run_group *group = entity->group;
	u64 change = running - (u64)entity->running;

	entity->running = running;
	if (likely(READ_ONCE(group->cap.budget) == 0)) {
		__atomic_fetch_add(&group->cap.running, change, __ATOMIC_RELAXED);
		return;
	}
	lock_acquire(&group->lock, LOCK_GROUP);
	budget_cap_run(&group->cap, change, now);
	lock_release(&group->lock, LOCK_GROUP);
}

/* Takes an entity, waiting or running, out of the queue's heaps and sums. */
static void run_queue_leave(struct run_queue *queue, struct run_entity *entity, u64 now)
{
	run_queue_dequeue(entity);
	run_queue_dequeue_share(entity->share);
	run_queue_set_running(entity, false, now);
	queue->load -= entity->load;
	entity->load = 0;
	queue->count--;
	entity->share->runnable--;
}

void run_queue_remove(struct run_queue *queue, struct run_entity *entity, u64 now)
{
	run_queue_leave(queue, entity, now);
	__atomic_fetch_sub(&entity->group->runnable, 1, __ATOMIC_RELAXED);
	entity->runnable = false;
}

void run_queue_detach(struct run_queue *queue, struct run_entity *entity, u64 now)
{
	const struct budget_reservation *reservation = &entity->reservation;

	if (entity->runnable)
		run_queue_leave(queue, entity, now);
	queue->reserved -= budget_reservation_share(reservation->budget, reservation->period);
	entity->virtual_time -= entity->share->entities_time;
	entity->queue = NULL;
}

/* Returns the first waiting entity that may run; parks groups ahead of it whose cap is spent. */
static struct run_entity *run_queue_best_waiting(struct run_queue *queue, u64 now)
{
	struct run_entity *entity = run_queue_deadline_entity(queue->deadline.first);

	while (entity == NULL && queue->fair.first != NULL) {
		struct run_share *share = run_queue_share_of(queue->fair.first);

		if (run_queue_cap_state(share->group, now).left != 0)
			entity = run_queue_fair_entity(share->waiting.first);
		else
			run_queue_enqueue_share(queue, share, now);
	}
	return entity;
}

/* Returns true if the running entity may go on although `best` waits (NULL: none does). */
static bool run_queue_stays(const struct run_queue *queue, const struct run_entity *running,
			    const struct run_entity *best, u64 now)
{
	if (best != NULL && run_queue_preempts(queue, running, best))
		return false;
	return running->reservation.remaining != 0 ||
	       run_queue_cap_state(running->group, now).left != 0;
}

struct run_entity *run_queue_next(struct run_queue *queue, struct run_entity *running, u64 now)
{
	struct run_entity *next;

	run_queue_do_due(queue, now);
	next = run_queue_best_waiting(queue, now);
	if (running != NULL && run_queue_stays(queue, running, next, now))
		next = running;
	if (next != NULL && next->reservation.remaining == 0)
		run_queue_advance(&queue->virtual_time, next->share->virtual_time);
	queue->slice_end = now + queue->slice;
	if (next == running)
		return next;
	if (next != NULL) {
		run_queue_dequeue(next);
		run_queue_set_running(next, true, now);
	}
	if (running != NULL) {
		run_queue_set_running(running, false, now);
		run_queue_enqueue(queue, running, now);
	}
	if (next != NULL)
		run_queue_dequeue_share(next->share);
	return next;
}

/*
 * Charges `ran` ticks to the group, whose weight is divided among its runnable entities, wherever
 * they are; the remainder of the division by the weight goes to the next charge.
 */
static void run_queue_charge_share(struct run_queue *queue, struct run_share *share, u64 ran,
				   u64 now)
{
	u64 factor = RUN_WEIGHT_DEFAULT * READ_ONCE(share->group->runnable);
	u64 weight = READ_ONCE(share->group->weight) * share->runnable;
	u64 quotient = mul_div(ran, factor, weight);

	share->remainder += ran * factor - quotient * weight;
	if (share->remainder >= weight) {
		share->remainder -= weight;
		quotient++;
	}
	share->virtual_time += quotient;
	share->charged = now;
	if (share->node.heap == &queue->fair)
		heap_raise(&queue->fair, &share->node, share->virtual_time);
	run_queue_follow(&queue->virtual_time, share->virtual_time, &queue->fair);
}

void run_queue_charge(struct run_queue *queue, struct run_entity *running, u64 ran, u64 now)
{
	struct budget_reservation *reservation = &running->reservation;
	bool others = queue->fair.first != NULL || queue->deadline.first != NULL;

	if (unlikely(reservation->budget != 0)) {
		bool reserved = reservation->remaining != 0;

		ran = budget_reservation_charge(reservation, ran, now);
		/* The timer was set for the budget's end: `ran` is how late its interrupt came. */
		if (reserved && others) {
			reservation->owed += ran;
			ran = 0;
		}
	}
	if (ran != 0) {
		running->virtual_time += ran;
		run_queue_follow(&running->share->entities_time, running->virtual_time,
				 &running->share->waiting);
		if (unlikely(READ_ONCE(running->group->owed) != 0))
			ran += __atomic_exchange_n(&running->group->owed, 0, __ATOMIC_RELAXED);
		run_queue_charge_share(queue, running->share, MIN(ran, CHARGED_TICKS_MAX), now);
	}
}

bool run_queue_yield_to(struct run_entity *running, struct run_entity *waiting)
{
	u64 ahead = running->virtual_time;

	if (waiting->node.heap != &running->share->waiting)
		return false;
	if (heap_tick_before(waiting->virtual_time, ahead))
		return true;
	running->virtual_time = waiting->virtual_time;
	waiting->virtual_time = ahead;
	heap_remove(&waiting->node);
	heap_insert(&running->share->waiting, &waiting->node, ahead);
	return true;
}

bool run_queue_preempts(const struct run_queue *queue, const struct run_entity *running,
			const struct run_entity *candidate)
{
	bool reserved = candidate->deadline_node.heap == &queue->deadline;

	if (!reserved &&
	    (candidate->node.heap == NULL || candidate->share->node.heap != &queue->fair))
		return false;
	if (running == NULL)
		return true;
	if (reserved != (running->reservation.remaining != 0))
		return reserved;
	if (reserved)
		return heap_tick_before(candidate->reservation.deadline,
					running->reservation.deadline);
	/* A switch within a group costs other groups nothing: a tie in virtual time is enough. */
	if (candidate->group == running->group)
		return !heap_tick_before(running->virtual_time, candidate->virtual_time);
	return heap_tick_before(candidate->share->virtual_time, running->share->virtual_time);
}

/* Returns the lesser of the delay and the time from `now` until the tick. */
static u64 run_queue_earlier(u64 delay, u64 tick, u64 now)
{
	return MIN(delay, heap_tick_before(now, tick) ? tick - now : 0);
}

/* Returns the ticks until the next decision whether the running entity continues; ~0: never. */
static u64 run_queue_running_delay(const struct run_queue *queue, const struct run_entity *running,
				   u64 now)
{
	const struct budget_reservation *reservation = &running->reservation;
	const struct heap_node *urgent = queue->deadline.first;
	u64 left = run_queue_cap_state(running->group, now).left;
	u64 delay = ~0ull;

	if (urgent != NULL &&
	    (reservation->remaining == 0 || heap_tick_before(urgent->key, reservation->deadline)))
		return 0;
	if (reservation->remaining != 0) {
		/* Once that is spent, another entity may go first, or a cap may stop this one. */
		if (urgent != NULL || queue->fair.first != NULL || left != ~0ull)
			delay = reservation->remaining;
		return delay;
	}
	if (queue->fair.first != NULL) {
		u64 end = queue->slice_end;

		/* A group that has slept must not wait for a whole slice of a group like it. */
		if (heap_tick_before(queue->fair.first->key, queue->virtual_time))
			end -= queue->slice - queue->slice / SHORT_SLICES;
		delay = run_queue_earlier(delay, end, now);
	}
	/* Avoids ever smaller delays: an overrun is taken from the cap's next period anyway. */
	if (left != 0 && left != ~0ull)
		left = MAX(left, queue->slice / 64);
	return MIN(delay, left);
}

u64 run_queue_next_event(struct run_queue *queue, const struct run_entity *running, u64 now)
{
	u64 delay = ~0ull;

	run_queue_do_due(queue, now);
	if (running != NULL)
		delay = run_queue_running_delay(queue, running, now);
	else if (queue->deadline.first != NULL || queue->fair.first != NULL)
		delay = 0;
	if (queue->exhausted.first != NULL)
		delay = run_queue_earlier(delay, queue->exhausted.first->key, now);
	if (queue->parked.first != NULL)
		delay = run_queue_earlier(delay, queue->parked.first->key, now);
	return delay;
}

struct run_entity *run_queue_next_waiting(const struct run_queue *queue,
					  const struct run_entity *previous)
{
	struct heap_node *share =
		previous == NULL ? queue->fair.first : heap_next(&previous->share->node);

	for (; share != NULL; share = heap_next(share)) {
		struct run_entity *next =
			run_queue_fair_entity(run_queue_share_of(share)->waiting.first);

		while (next != NULL && next->reservation.budget != 0)
			next = run_queue_fair_entity(heap_next(&next->node));
		if (next != NULL)
			return next;
	}
	return NULL;
}

/* --- reservations --- */

bool run_queue_admit(u64 reserved, u64 budget, u64 period, u64 *available_permille)
{
	u64 available = RESERVABLE - reserved;

	*available_permille = available / 1000000u;
	return budget_reservation_share(budget, period) <= available;
}

bool run_queue_reserve(struct run_queue *queue, struct run_entity *entity, u64 budget, u64 period,
		       u64 now, u64 *available_permille)
{
	struct budget_reservation *reservation = &entity->reservation;
	u64 share = budget_reservation_share(reservation->budget, reservation->period);
	u64 others = queue->reserved - (entity->queue == NULL ? 0 : share);

	if (!run_queue_admit(others, budget, period, available_permille))
		return false;
	if (entity->queue == NULL)
		run_queue_attach(queue, entity);
	queue->reserved = others + budget_reservation_share(budget, period);
	budget_reservation_set(reservation, budget, period, now);
	if (entity->runnable && !entity->running)
		run_queue_enqueue_anew(queue, entity, now);
	return true;
}
