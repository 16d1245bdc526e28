/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/budget.h"
#include "kernel/heap.h"
#include "lib/lock.h"

#define RUN_WEIGHT_DEFAULT 256u
#define RUN_WEIGHT_MAX	   65535u
/* The most that all reservations on one CPU may take. */
#define RUN_RESERVABLE_PERMILLE 950u

/*
 * The scheduler's arithmetic for one CPU; it knows no threads and no clock. All times are TSC
 * ticks, which may wrap. What runs next:
 *
 * 1. of the entities with reserved budget left, the one with the earliest deadline (EDF);
 * 2. of all others, one of the group whose virtual time here is furthest behind: the time that its
 *    entities ran here, divided by their part of its weight, of which each runnable entity has the
 *    same, wherever it is. Of those that wait, the one that ran least. So however many they are
 *    and whenever they wake up, together they get what one of them would. Reserved time is not
 *    charged here: reservations come first, the rest is shared by weight.
 *
 * A group's cap applies to all that its entities run, but never stops one that has reserved time
 * left: that comes out of what the cap leaves to the group's other entities. (Whoever sets both
 * makes sure that a group's reservations do not exceed its cap.)
 *
 * The caller charges who makes the CPU switch for that as well (SCHED_SWITCH_NS).
 *
 * The CPU never idles while an entity may run, with or without a reservation.
 *
 * The caller holds the CPU's lock in every call; a group's own lock is taken last.
 */

/* A group on one queue, and under that one's lock. All zeros: it was never there. */
struct run_share {
	struct run_group *group;
	struct heap_node node; /* in queue->fair or queue->parked, as long as any of it waits */
	struct heap waiting;   /* for unreserved time: its entities, by virtual time */
	u64 virtual_time;      /* the group's, here; stays while none of it is here */
	u64 remainder;	       /* of the division by the weight, not yet in virtual_time */
	u64 charged;	       /* the tick at which it was last charged */
	u64 entities_time;     /* of its entity furthest behind; never goes back */
	u64 runnable;	       /* its entities that run or want to, here */
};

/* Shared by entities on all CPUs: the first two words without a lock, the rest under `lock`. */
struct run_group {
	u64 weight;
	u64 runnable; /* entities that run or want to */
	u64 owed;     /* ticks to be charged to its entities, besides what they run; atomic */
	struct lock lock;
	struct budget_cap cap;
	struct run_share *shares; /* by the queue's number */
};

/* What is scheduled. Guarded by its queue's lock; all zeros but `group`: it never ran. */
struct run_entity {
	struct run_group *group;
	struct run_queue *queue;	/* the one it belongs to; NULL: none */
	struct run_share *share;	/* its group's there */
	struct heap_node node;		/* in share->waiting */
	struct heap_node deadline_node; /* in queue->deadline or queue->exhausted */
	u64 virtual_time; /* unreserved ticks it ran; without a queue: from entities_time on */
	struct budget_reservation reservation;
	u64 load; /* its share of queue->load */
	bool runnable;
	bool running;
};

struct run_queue {
	struct heap fair;      /* groups, by virtual time */
	struct heap deadline;  /* by deadline: with reserved budget left */
	struct heap exhausted; /* by deadline: with none left; also wait with the others */
	struct heap parked;    /* groups that have spent their caps, by the end of its period */
	u64 virtual_time;      /* of the group furthest behind; never goes back */
	u64 number;	       /* the CPU's */
	u64 slice;	       /* ticks */
	u64 slice_end;	       /* of the running one */
	u64 reserved;	       /* by all that belong to it, asleep or not, in units of 10^-9 */
	u64 load;	       /* of runnable ones: 1024 for a lone entity of default weight */
	u64 count;	       /* of runnable ones, the running one included */
};

/* `shares`: zeroed, one for each queue. */
void run_group_init(struct run_group *group, u64 weight, struct run_share *shares);
/* percent of one CPU per period_ticks; 0: none. A parked group stays so until its period ends. */
void run_group_set_cap(struct run_group *group, u64 percent, u64 period_ticks, u64 now);

void run_queue_init(struct run_queue *queue, u64 number, u64 slice);

/*
 * The entity wants to run: it is new, was asleep, or comes from another queue (run_queue_detach).
 * A group all of which slept is credited with half a slice at most. Then ask run_queue_preempts.
 */
void run_queue_add(struct run_queue *queue, struct run_entity *entity, u64 now);
/* An entity that was added no longer wants to run. It may wait or run; if it runs, charge first. */
void run_queue_remove(struct run_queue *queue, struct run_entity *entity, u64 now);

/*
 * The entity to run from now on; NULL: none. It is in no heap until it is no longer chosen here, or
 * until run_queue_remove or run_queue_detach. `running`: the one that ran until now, charged, if it
 * can go on, else NULL. O(log n), and O(log n) more for each entity whose reservation or cap was
 * renewed or ran out since, which happens once per entity and period.
 */
struct run_entity *run_queue_next(struct run_queue *queue, struct run_entity *running, u64 now);

/*
 * Charges the running entity for the `ran` ticks up to now since it was picked or last charged, or
 * for what it costs besides; and, unless the time is reserved, for what its group owes.
 */
void run_queue_charge(struct run_queue *queue, struct run_entity *running, u64 ran, u64 now);

/*
 * The running entity, charged, lets a waiting one of its group go ahead: they swap virtual times,
 * which costs others nothing. False, without effect: that one is not of its group, or does not
 * wait here for unreserved time.
 */
bool run_queue_yield_to(struct run_entity *running, struct run_entity *waiting);

/* Whether the candidate, just added, should run instead (the running one charged, or NULL). */
bool run_queue_preempts(const struct run_queue *queue, const struct run_entity *running,
			const struct run_entity *candidate);

/*
 * Ticks from now until `running` (may be NULL) must be charged and run_queue_next be called; ~0:
 * never. Any other call may change this; `running` must have been charged up to now.
 */
u64 run_queue_next_event(struct run_queue *queue, const struct run_entity *running, u64 now);

/*
 * Takes the entity, waiting, running (charged) or asleep, away from the queue and releases its
 * reserved share. run_queue_add on another queue, at once if it was runnable, else when it wakes,
 * continues with its place among its group's, its deadline and budget. If it has a
 * reservation, ask run_queue_admit for the new queue first, under both locks.
 */
void run_queue_detach(struct run_queue *queue, struct run_entity *entity, u64 now);

/*
 * For balancing: entities that wait for this CPU without a reservation, of each group one, one per
 * call, starting after `previous` (NULL: from the start); that of the group furthest behind first,
 * then in no order.
 */
struct run_entity *run_queue_next_waiting(const struct run_queue *queue,
					  const struct run_entity *previous);

/*
 * Whether a reservation of `budget` ticks per `period` is possible in addition to those there are
 * (`reserved`: the queue's). *available_permille: what is left of the CPU without it, always set.
 */
bool run_queue_admit(u64 reserved, u64 budget, u64 period, u64 *available_permille) MUST_CHECK;

/*
 * Replaces the entity's reservation (budget 0: none). The entity belongs to this queue, or to none
 * and to this one from now on. False, without effect: run_queue_admit refuses, not counting the
 * entity's old reservation.
 */
bool run_queue_reserve(struct run_queue *queue, struct run_entity *entity, u64 budget, u64 period,
		       u64 now, u64 *available_permille) MUST_CHECK;
