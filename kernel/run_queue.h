/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/budget.h"
#include "kernel/heap.h"
#include "lib/lock.h"

#define RUN_WEIGHT_DEFAULT 256u
#define RUN_WEIGHT_MAX	   65535u
/* What reservations may take of one CPU together. */
#define RUN_RESERVABLE_PERMILLE 950u

/*
 * The scheduler's arithmetic, for one CPU; it knows no threads and no clock. All times are TSC
 * ticks, which may wrap. Who runs next:
 *
 * 1. of the entities with budget left of their reservation the one whose deadline is next (EDF);
 * 2. of all others the one whose virtual time is furthest behind: the time it ran, divided by its
 *    weight, which is its group's weight / runnable entities of the group. Reserved time is not
 *    charged here: reservations come first, the rest is shared by weight.
 *
 * The group's cap holds for all it does, but never stops an entity that has reserved time left:
 * this is taken from what the cap leaves to the others of the group. (Whoever sets them sees to it
 * that the reservations of a group do not exceed its cap.)
 *
 * Nothing is ever lost for want of a deadline: with one entity that may run, the CPU runs it.
 *
 * The caller holds the CPU's lock in every call; a group's own lock is taken last.
 */

/*
 * How far a group has come on a queue: where its entities begin that wake up there. One by one they
 * may have slept, but what they have not used meanwhile the others of the group have.
 */
struct run_progress {
	const struct run_queue *queue;
	u64 virtual_time;
	u64 noted; /* the tick */
};

/* What many entities on all CPUs share: two words without a lock, the rest guarded by `lock`. */
struct run_group {
	u64 weight;
	u64 runnable; /* entities that run or want to */
	struct lock lock;
	struct budget_cap cap;
	struct run_progress progress[16]; /* by the queue's address; two may share one */
};

/* What runs. Guarded by its queue's lock; all zero but `group` is one that never ran. */
struct run_entity {
	struct run_group *group;
	struct run_queue *queue;	/* it belongs to; NULL: none yet */
	struct heap_node node;		/* in queue->fair or queue->parked */
	struct heap_node deadline_node; /* in queue->deadline or queue->exhausted */
	u64 virtual_time;		/* without a queue: ahead of whichever it comes to */
	u64 remainder;			/* of the division by the weight, not yet in virtual_time */
	u64 removed;			/* the tick it last ceased to be runnable */
	struct budget_reservation reservation;
	u64 load; /* its part of queue->load */
	bool runnable;
	bool running;
};

struct run_queue {
	struct heap fair;      /* by virtual time */
	struct heap deadline;  /* by deadline: with reserved budget left */
	struct heap exhausted; /* by deadline: also in one of the other two */
	struct heap parked;    /* by the end of the period: the group has spent its cap */
	u64 virtual_time;      /* of the one furthest behind; never goes back */
	u64 slice;	       /* ticks */
	u64 slice_end;	       /* of the one that runs */
	u64 reserved;	       /* by those that belong to it, asleep or not, in 10^-9 */
	u64 load;	       /* of runnable ones: 1024 for a lone entity of default weight */
	u64 count;	       /* of runnable ones, the running one included */
};

void run_group_init(struct run_group *group, u64 weight);
/* percent of one CPU per period_ticks; 0: none. The parked stay so until their time. */
void run_group_set_cap(struct run_group *group, u64 percent, u64 period_ticks, u64 now);

void run_queue_init(struct run_queue *queue, u64 slice);

/*
 * The entity wants to run: it was new, asleep, or comes from another queue (run_queue_detach).
 * A sleeper is credited with half a slice at most. Then ask run_queue_preempts.
 */
void run_queue_add(struct run_queue *queue, struct run_entity *entity, u64 now);
/* It was added and does not want to run any more, whether it waits or runs (then charge first). */
void run_queue_remove(struct run_queue *queue, struct run_entity *entity, u64 now);

/*
 * The entity to run from now on, off the queue until it is no longer that, run_queue_remove or
 * run_queue_detach; NULL: none. `running`: the one that did until now, charged, and can go on; may
 * be NULL. O(log n), and as much again for each whose reservation or cap was renewed or ran out
 * since, which happens once per entity and period.
 */
struct run_entity *run_queue_next(struct run_queue *queue, struct run_entity *running, u64 now);

/* The running entity ran for `ran` ticks until now since it was picked or last charged. */
void run_queue_charge(struct run_queue *queue, struct run_entity *running, u64 ran, u64 now);

/*
 * The running one, charged, lets a waiting one of its group go ahead of it: they change places,
 * which costs others nothing. False, without effect: that one is not of its group, or does not
 * wait here for unreserved time.
 */
bool run_queue_yield_to(struct run_queue *queue, struct run_entity *running,
			struct run_entity *waiting);

/* Whether the candidate, just added, should run instead (the running one charged, or NULL). */
bool run_queue_preempts(const struct run_queue *queue, const struct run_entity *running,
			const struct run_entity *candidate);

/*
 * Ticks from now until the running one (may be NULL) is to be charged and the next asked for; ~0:
 * never. Any other call may change it; `running` must be charged until now.
 */
u64 run_queue_next_event(struct run_queue *queue, const struct run_entity *running, u64 now);

/*
 * Ends that it belongs to the queue, giving back its reserved share; waiting, running (charged)
 * or asleep. run_queue_add on another queue, if it was runnable, or later when it wakes, carries
 * on where it was: its lead over the others, deadline and budget. For one with a reservation ask
 * run_queue_admit of the new queue first, under both locks.
 */
void run_queue_detach(struct run_queue *queue, struct run_entity *entity, u64 now);

/*
 * For stealing and balance: each entity that waits for this CPU and has no reservation, starting
 * after `previous` (NULL: from the start), the one furthest behind first, then in no order.
 */
struct run_entity *run_queue_next_waiting(const struct run_queue *queue,
					  const struct run_entity *previous);

/*
 * Whether a reservation of `budget` ticks per `period` can be kept in addition to those there
 * are, a queue's `reserved`. available_permille: what is left of the CPU, either way.
 */
bool run_queue_admit(u64 reserved, u64 budget, u64 period, u64 *available_permille) MUST_CHECK;

/*
 * Gives the entity this reservation (budget 0: none) instead of the one it has; it belongs to
 * the queue, or to none and does so from now on. Refused without effect like run_queue_admit, its
 * own old one not counted.
 */
bool run_queue_reserve(struct run_queue *queue, struct run_entity *entity, u64 budget, u64 period,
		       u64 now, u64 *available_permille) MUST_CHECK;
