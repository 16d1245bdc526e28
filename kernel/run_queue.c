/* SPDX-License-Identifier: MIT */
#include "kernel/run_queue.h"
#include "lib/bits.h"
#include "lib/checked.h"
#include "lib/read_once.h"

/*
 * Virtual time runs at most 2^20 times as fast as the clock (weight 1, 4096 runnable entities in
 * the group), and comparisons hold within 2^63: one that slept for longer than this starts afresh.
 */
#define FORGOTTEN_TICKS BIT(40)
/* An entity that runs for longer than this at a time runs alone: the excess need not be charged. */
#define CHARGED_TICKS_MAX BIT(36)

/* The load of a lone entity of default weight. */
#define LOAD_UNIT 1024u

#define RESERVABLE (RUN_RESERVABLE_PERMILLE * 1000000ull)

static struct run_entity *fair_entity(struct heap_node *node)
{
	return node == NULL ? NULL : CONTAINER_OF(node, struct run_entity, node);
}

static struct run_entity *deadline_entity(struct heap_node *node)
{
	return node == NULL ? NULL : CONTAINER_OF(node, struct run_entity, deadline_node);
}

/* --- groups --- */

void run_group_init(struct run_group *group, u64 weight, struct run_progress *progress)
{
	*group = (struct run_group){.weight = weight, .progress = progress};
}

void run_group_set_cap(struct run_group *group, u64 percent, u64 period_ticks, u64 now)
{
	lock_acquire(&group->lock, LOCK_GROUP);
	budget_cap_set(&group->cap, percent, period_ticks, now);
	lock_release(&group->lock, LOCK_GROUP);
}

/* Virtual time runs at this / weight. Other CPUs may change both at any time. */
static u64 group_factor(const struct run_group *group)
{
	return RUN_WEIGHT_DEFAULT * READ_ONCE(group->runnable);
}

/* A snapshot of what other CPUs may change at any time. */
struct cap_state {
	u64 left; /* ticks until the cap is spent; 0: it is, ~0: never */
	u64 period_end;
};

static struct cap_state cap_state(struct run_group *group, u64 now)
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

static void note_progress(struct run_queue *queue, const struct run_entity *entity, u64 now)
{
	struct run_group *group = entity->group;

	lock_acquire(&group->lock, LOCK_GROUP);
	group->progress[queue->number] = (struct run_progress){entity->virtual_time, now};
	lock_release(&group->lock, LOCK_GROUP);
}

/* It wakes up not behind its group; after too long a sleep its own virtual time is the queue's. */
static void catch_up(struct run_queue *queue, struct run_entity *entity, u64 now)
{
	struct run_group *group = entity->group;
	struct run_progress progress;

	lock_acquire(&group->lock, LOCK_GROUP);
	progress = group->progress[queue->number];
	lock_release(&group->lock, LOCK_GROUP);
	if (now - entity->removed > FORGOTTEN_TICKS)
		entity->virtual_time = queue->virtual_time;
	if (progress.noted != 0 && now - progress.noted <= FORGOTTEN_TICKS &&
	    tick_before(entity->virtual_time, progress.virtual_time))
		entity->virtual_time = progress.virtual_time;
}

/* --- in and out of the heaps --- */

static void advance_virtual_time(struct run_queue *queue, u64 virtual_time)
{
	if (tick_before(queue->virtual_time, virtual_time))
		queue->virtual_time = virtual_time;
}

static void set_load(struct run_queue *queue, struct run_entity *entity)
{
	const struct run_group *group = entity->group;
	u64 load = LOAD_UNIT * READ_ONCE(group->weight) / group_factor(group);

	queue->load += load - entity->load;
	entity->load = load;
}

/* While it is parked its virtual time is relative to the queue's, which goes on without it. */
static void park(struct run_queue *queue, struct run_entity *entity, u64 period_end)
{
	entity->virtual_time -= queue->virtual_time;
	heap_insert(&queue->parked, &entity->node, period_end);
}

static void dequeue(struct run_queue *queue, struct run_entity *entity)
{
	if (entity->node.heap == &queue->parked)
		entity->virtual_time += queue->virtual_time;
	heap_remove(&entity->node);
	heap_remove(&entity->deadline_node);
}

/*
 * Queues it without reserved time, limiting the credit for its absence to half a slice, and to a
 * whole one for all of its group that wake up together.
 */
static void enqueue_fair(struct run_queue *queue, struct run_entity *entity, u64 now)
{
	struct run_group *group = entity->group;
	struct cap_state cap = cap_state(group, now);

	if (tick_before(entity->virtual_time, queue->virtual_time)) {
		u64 factor = MIN(group_factor(group), 2 * RUN_WEIGHT_DEFAULT);
		u64 credit = mul_div(queue->slice / 2, factor, group->weight);
		u64 floor = queue->virtual_time - credit;

		if (tick_before(entity->virtual_time, floor))
			entity->virtual_time = floor;
	}
	if (cap.left == 0)
		park(queue, entity, cap.period_end);
	else
		heap_insert(&queue->fair, &entity->node, entity->virtual_time);
}

static void enqueue(struct run_queue *queue, struct run_entity *entity, u64 now)
{
	struct budget_reservation *reservation = &entity->reservation;

	set_load(queue, entity);
	if (reservation->budget != 0) {
		if (!tick_before(now, reservation->deadline))
			budget_reservation_renew(reservation, now);
		heap_insert(reservation->remaining != 0 ? &queue->deadline : &queue->exhausted,
			    &entity->deadline_node, reservation->deadline);
	}
	if (reservation->remaining == 0)
		enqueue_fair(queue, entity, now);
}

static bool is_due(const struct heap *heap, u64 now)
{
	return unlikely(heap->first != NULL) && !tick_before(now, heap->first->key);
}

static NOINLINE void enqueue_anew(struct run_queue *queue, struct run_entity *entity, u64 now)
{
	dequeue(queue, entity);
	enqueue(queue, entity, now);
}

/* Does what is due: renews reservations and puts parked entities back. */
static inline void settle(struct run_queue *queue, u64 now)
{
	while (is_due(&queue->deadline, now))
		enqueue_anew(queue, deadline_entity(queue->deadline.first), now);
	while (is_due(&queue->exhausted, now))
		enqueue_anew(queue, deadline_entity(queue->exhausted.first), now);
	while (is_due(&queue->parked, now))
		enqueue_anew(queue, fair_entity(queue->parked.first), now);
}

/* --- the queue --- */

void run_queue_init(struct run_queue *queue, u64 number, u64 slice)
{
	*queue = (struct run_queue){.number = number, .slice = slice};
}

static void attach(struct run_queue *queue, struct run_entity *entity)
{
	const struct budget_reservation *reservation = &entity->reservation;

	entity->queue = queue;
	entity->virtual_time += queue->virtual_time;
	queue->reserved += budget_reservation_share(reservation->budget, reservation->period);
}

void run_queue_add(struct run_queue *queue, struct run_entity *entity, u64 now)
{
	if (entity->queue == NULL)
		attach(queue, entity);
	if (!entity->runnable) {
		entity->runnable = true;
		__atomic_fetch_add(&entity->group->runnable, 1, __ATOMIC_RELAXED);
		catch_up(queue, entity, now);
		if (entity->reservation.budget != 0)
			budget_reservation_wake(&entity->reservation, now);
	}
	queue->count++;
	enqueue(queue, entity, now);
}

/* Without a cap it counts without the lock: a cap set at the same moment starts slightly off. */
static void set_running(struct run_entity *entity, bool running, u64 now)
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
static void leave(struct run_queue *queue, struct run_entity *entity, u64 now)
{
	dequeue(queue, entity);
	set_running(entity, false, now);
	queue->load -= entity->load;
	entity->load = 0;
	queue->count--;
}

void run_queue_remove(struct run_queue *queue, struct run_entity *entity, u64 now)
{
	leave(queue, entity, now);
	__atomic_fetch_sub(&entity->group->runnable, 1, __ATOMIC_RELAXED);
	entity->runnable = false;
	entity->removed = now;
}

void run_queue_end(struct run_queue *queue, struct run_entity *entity, u64 now)
{
	struct run_group *group = entity->group;
	s64 lead = (s64)(entity->virtual_time - queue->virtual_time);

	if (entity->runnable)
		run_queue_remove(queue, entity, now);
	/* As if it had been the only one of its group: never too little. */
	if (entity->queue != NULL && lead > 0)
		__atomic_fetch_add(&group->owed,
				   mul_div((u64)lead, READ_ONCE(group->weight), RUN_WEIGHT_DEFAULT),
				   __ATOMIC_RELAXED);
	entity->virtual_time = queue->virtual_time;
}

void run_queue_detach(struct run_queue *queue, struct run_entity *entity, u64 now)
{
	const struct budget_reservation *reservation = &entity->reservation;

	if (entity->runnable)
		leave(queue, entity, now);
	queue->reserved -= budget_reservation_share(reservation->budget, reservation->period);
	entity->virtual_time -= queue->virtual_time;
	entity->queue = NULL;
}

/* The first that may run. Parks those in front of it whose group has spent its cap. */
static struct run_entity *best_waiting(struct run_queue *queue, u64 now)
{
	struct run_entity *entity = deadline_entity(queue->deadline.first);

	while (entity == NULL && queue->fair.first != NULL) {
		struct run_entity *fair = fair_entity(queue->fair.first);
		struct cap_state cap = cap_state(fair->group, now);

		if (cap.left != 0) {
			entity = fair;
		} else {
			heap_remove(&fair->node);
			park(queue, fair, cap.period_end);
		}
	}
	return entity;
}

/* Whether the running one may go on although `best` waits (NULL: none does). */
static bool stays(const struct run_queue *queue, const struct run_entity *running,
		  const struct run_entity *best, u64 now)
{
	if (best != NULL && run_queue_preempts(queue, running, best))
		return false;
	return running->reservation.remaining != 0 || cap_state(running->group, now).left != 0;
}

struct run_entity *run_queue_next(struct run_queue *queue, struct run_entity *running, u64 now)
{
	struct run_entity *next;

	settle(queue, now);
	next = best_waiting(queue, now);
	if (running != NULL && stays(queue, running, next, now))
		next = running;
	if (next != NULL && next->reservation.remaining == 0)
		advance_virtual_time(queue, next->virtual_time);
	queue->slice_end = now + queue->slice;
	if (next == running)
		return next;
	if (next != NULL) {
		dequeue(queue, next);
		set_running(next, true, now);
	}
	if (running != NULL) {
		set_running(running, false, now);
		enqueue(queue, running, now);
	}
	return next;
}

/* Charges virtual time; the remainder of the division by the weight goes to the next charge. */
static void charge_fair(struct run_queue *queue, struct run_entity *running, u64 ran)
{
	const struct heap_node *next = queue->fair.first;
	u64 factor = group_factor(running->group);
	u64 weight = READ_ONCE(running->group->weight);
	u64 quotient = mul_div(ran, factor, weight);

	running->remainder += ran * factor - quotient * weight;
	if (running->remainder >= weight) {
		running->remainder -= weight;
		quotient++;
	}
	running->virtual_time += quotient;
	if (next != NULL && tick_before(next->key, running->virtual_time))
		advance_virtual_time(queue, next->key);
	else
		advance_virtual_time(queue, running->virtual_time);
}

void run_queue_charge(struct run_queue *queue, struct run_entity *running, u64 ran, u64 now)
{
	struct budget_reservation *reservation = &running->reservation;
	bool others = queue->fair.first != NULL || queue->deadline.first != NULL;

	if (unlikely(reservation->budget != 0)) {
		bool reserved = reservation->remaining != 0;

		ran = budget_reservation_charge(reservation, ran, now);
		/* The timer was set for the end of the budget: this is what it was late. */
		if (reserved && others) {
			reservation->owed += ran;
			ran = 0;
		}
	}
	if (ran != 0) {
		if (unlikely(READ_ONCE(running->group->owed) != 0))
			ran += __atomic_exchange_n(&running->group->owed, 0, __ATOMIC_RELAXED);
		charge_fair(queue, running, MIN(ran, CHARGED_TICKS_MAX));
		note_progress(queue, running, now);
	}
}

bool run_queue_yield_to(struct run_queue *queue, struct run_entity *running,
			struct run_entity *waiting)
{
	u64 ahead = running->virtual_time;

	if (waiting->group != running->group || waiting->node.heap != &queue->fair)
		return false;
	if (tick_before(waiting->virtual_time, ahead))
		return true;
	running->virtual_time = waiting->virtual_time;
	waiting->virtual_time = ahead;
	heap_remove(&waiting->node);
	heap_insert(&queue->fair, &waiting->node, ahead);
	return true;
}

bool run_queue_preempts(const struct run_queue *queue, const struct run_entity *running,
			const struct run_entity *candidate)
{
	bool reserved = candidate->deadline_node.heap == &queue->deadline;

	if (!reserved && candidate->node.heap != &queue->fair)
		return false;
	if (running == NULL)
		return true;
	if (reserved != (running->reservation.remaining != 0))
		return reserved;
	if (reserved)
		return tick_before(candidate->reservation.deadline, running->reservation.deadline);
	/* A wake-up within one group costs other groups nothing, so that a tie is enough. */
	if (candidate->group == running->group)
		return !tick_before(running->virtual_time, candidate->virtual_time);
	return tick_before(candidate->virtual_time, running->virtual_time);
}

/* The lesser of the delay and the time until the tick. */
static u64 earlier(u64 delay, u64 tick, u64 now)
{
	return MIN(delay, tick_before(now, tick) ? tick - now : 0);
}

/* Ticks from now until the running one must be looked at; ~0: never. */
static u64 running_delay(const struct run_queue *queue, const struct run_entity *running, u64 now)
{
	const struct budget_reservation *reservation = &running->reservation;
	const struct heap_node *urgent = queue->deadline.first;
	u64 left = cap_state(running->group, now).left;
	u64 delay = ~0ull;

	if (urgent != NULL &&
	    (reservation->remaining == 0 || tick_before(urgent->key, reservation->deadline)))
		return 0;
	if (reservation->remaining != 0) {
		/* Once that is used up, others can go ahead of it, and a cap can stop it. */
		if (urgent != NULL || queue->fair.first != NULL || left != ~0ull)
			delay = reservation->remaining;
		return delay;
	}
	if (queue->fair.first != NULL)
		delay = earlier(delay, queue->slice_end, now);
	/* Avoids ever smaller steps: an overrun is taken from the next period anyway. */
	if (left != 0 && left != ~0ull)
		left = MAX(left, queue->slice / 64);
	return MIN(delay, left);
}

u64 run_queue_next_event(struct run_queue *queue, const struct run_entity *running, u64 now)
{
	u64 delay = ~0ull;

	settle(queue, now);
	if (running != NULL)
		delay = running_delay(queue, running, now);
	else if (queue->deadline.first != NULL || queue->fair.first != NULL)
		delay = 0;
	if (queue->exhausted.first != NULL)
		delay = earlier(delay, queue->exhausted.first->key, now);
	if (queue->parked.first != NULL)
		delay = earlier(delay, queue->parked.first->key, now);
	return delay;
}

struct run_entity *run_queue_next_waiting(const struct run_queue *queue,
					  const struct run_entity *previous)
{
	struct run_entity *next =
		fair_entity(previous == NULL ? queue->fair.first : heap_next(&previous->node));

	while (next != NULL && next->reservation.budget != 0)
		next = fair_entity(heap_next(&next->node));
	return next;
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
		attach(queue, entity);
	queue->reserved = others + budget_reservation_share(budget, period);
	budget_reservation_set(reservation, budget, period, now);
	if (entity->runnable && !entity->running)
		enqueue_anew(queue, entity, now);
	return true;
}
