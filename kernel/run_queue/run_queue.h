/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/run_queue/budget.h"
#include "kernel/run_queue/heap.h"
#include "lib/lock.h"

#define RUN_WEIGHT_DEFAULT 256u
#define RUN_WEIGHT_MAX	   65535u
/* The most that all reservations on one CPU may take together, in 1/1000 of it. */
#define RUN_RESERVABLE_PERMILLE 950u

/*
 * The scheduler's arithmetic for one CPU; it knows no threads and no clock. All times are TSC
 * ticks, which may wrap. What runs next is:
 *
 * 1. of the entities with reserved budget left, the one with the earliest deadline (EDF);
 * 2. else an entity of the group whose virtual time on this CPU is furthest behind: the time that
 *    its entities ran here, divided by their part of the group's weight, of which each runnable
 *    entity has the same share, on whichever CPU. Of the group's waiting entities, the one that ran
 *    least. So however many entities a group has, and whenever they wake up, together they get what
 *    one entity alone would get. Reserved time is not charged here: reservations come first, the
 *    rest is shared by weight.
 *
 * A group's cap applies to all that its entities run, but never stops an entity that has reserved
 * time left: that time comes out of what the cap leaves to the group's other entities. (A caller
 * that sets both makes sure that a group's reservations do not exceed its cap.)
 *
 * The caller also charges an entity for the cost of a switch that it causes (SCHED_SWITCH_NS).
 *
 * The CPU never idles while an entity may run, with or without a reservation.
 *
 * The caller holds the CPU's lock in every call; a group's own lock is taken last.
 */

/*
 * A group's state on one queue, under that queue's lock. All zeros: the group was never on the
 * queue.
 */
struct run_share {
	struct run_group *group;
	/* the group's place in queue->fair or queue->parked while any of its entities waits */
	struct heap_node node;
	/* the group's entities that wait on this queue for unreserved time, by virtual time */
	struct heap waiting;
	/* the group's virtual time on this queue, kept while no entity of the group is on it */
	u64 virtual_time;
	/* remainder of the last division by the weight, not yet in virtual_time */
	u64 remainder;
	u64 charged; /* the tick at which the group was last charged on this queue */
	/* virtual time of the group's entity furthest behind on this queue; never goes back */
	u64 entities_time;
	/* number of the group's entities that run or want to run on this queue's CPU */
	u64 runnable;
};

/*
 * A group's state for its entities on all CPUs together: the first three words are atomic and read
 * without a lock, the rest is guarded by `lock`.
 */
struct run_group {
	u64 weight;
	u64 runnable; /* number of the group's entities that run or want to run, on all CPUs */
	u64 owed;     /* ticks to charge to the group's entities besides the time that they run */
	struct lock lock;
	struct budget_cap cap;
	/* an array with the group's state on each queue, by the queue's number */
	struct run_share *shares;
};

/*
 * An entity, the unit that the scheduler schedules: a thread. Guarded by its queue's lock; all
 * zeros but `group`: it never ran.
 */
struct run_entity {
	struct run_group *group;
	struct run_queue *queue; /* the queue that the entity belongs to; NULL: none */
	struct run_share *share; /* the group's state on that queue */
	/* the entity's place among the waiting entities, share->waiting */
	struct heap_node node;
	/* the entity's place in queue->deadline or queue->exhausted */
	struct heap_node deadline_node;
	/*
	 * unreserved ticks that the entity ran; while it is on no queue: relative to entities_time
	 */
	u64 virtual_time;
	struct budget_reservation reservation;
	u64 load; /* the entity's part of queue->load; 0 while it is not runnable */
	bool runnable;
	bool running;
};

struct run_queue {
	/* struct run_share of groups with waiting entities, by virtual time */
	struct heap fair;
	struct heap deadline; /* entities with reserved budget left, by deadline */
	/* entities whose reserved budget is spent, by deadline; they also wait in share->waiting */
	struct heap exhausted;
	/*
	 * struct run_share of groups whose cap is spent, by the end of the cap's period, when they
	 * return to `fair` as after sleep
	 */
	struct heap parked;
	/* virtual time of the group furthest behind on this queue; never goes back */
	u64 virtual_time;
	u64 number;    /* the number of the queue's CPU */
	u64 slice;     /* the length of a slice in TSC ticks */
	u64 slice_end; /* tick at which the running entity's slice ends */
	/*
	 * the share of the CPU that all entities of this queue have reserved, asleep or not, in
	 * units of 10^-9
	 */
	u64 reserved;
	/* the sum of the runnable entities' loads: 1024 for a lone entity of default weight */
	u64 load;
	u64 count; /* number of the queue's runnable entities, the running one included */
};

/* Initialises a group; `shares` has a zeroed element for each queue. */
void run_group_init(struct run_group *group, u64 weight, struct run_share *shares);
/*
 * Sets the group's cap in percent of one CPU per period_ticks, 0 for none. A parked group, whose
 * cap is spent, stays parked until the cap's period ends.
 */
void run_group_set_cap(struct run_group *group, u64 percent, u64 period_ticks, u64 now);

/* Initialises the queue of CPU `number`, with time slices of `slice` TSC ticks. */
void run_queue_init(struct run_queue *queue, u64 number, u64 slice);

/*
 * Adds an entity that wants to run: it is new, was asleep, or comes from another queue
 * (run_queue_detach). A group all of whose entities slept is credited with half a slice at most.
 * The caller calls run_queue_preempts next.
 */
void run_queue_add(struct run_queue *queue, struct run_entity *entity, u64 now);
/*
 * Removes an entity, waiting or running, that no longer wants to run; the caller has charged a
 * running one.
 */
void run_queue_remove(struct run_queue *queue, struct run_entity *entity, u64 now);

/*
 * Returns the entity to run from now on; NULL if there is none. The entity is in no heap until this
 * function chooses another, or until run_queue_remove or run_queue_detach. `running` is the entity
 * that ran until now, charged, if it can continue, else NULL. Takes O(log n), and O(log n) more for
 * each entity whose reservation or cap was renewed or ran out since, which happens once per entity
 * and period.
 */
struct run_entity *run_queue_next(struct run_queue *queue, struct run_entity *running, u64 now);

/*
 * Charges the running entity for the `ran` ticks up to now since it was picked or last charged, or
 * for other costs of `ran` ticks; and, unless the time is reserved, for its group's debt
 * (run_group.owed).
 */
void run_queue_charge(struct run_queue *queue, struct run_entity *running, u64 ran, u64 now);

/*
 * Lets a waiting entity of the same group go ahead of the running one, which the caller has
 * charged: the two swap virtual times, which costs others nothing. Returns false, without effect,
 * if the waiting one is not of its group or does not wait here for unreserved time.
 */
bool run_queue_yield_to(struct run_entity *running, struct run_entity *waiting);

/*
 * Returns true if the candidate, just added, should run in place of the running entity, which was
 * charged before (NULL: none runs).
 */
bool run_queue_preempts(const struct run_queue *queue, const struct run_entity *running,
			const struct run_entity *candidate);

/*
 * Returns the ticks from now until `running` (may be NULL) must be charged and run_queue_next be
 * called; ~0: never. Any other call may change this; `running` must have been charged up to now.
 */
u64 run_queue_next_event(struct run_queue *queue, const struct run_entity *running, u64 now);

/*
 * Takes the entity, waiting, running (charged) or asleep, away from the queue and releases its
 * reserved share. run_queue_add on another queue, at once if the entity was runnable, else when it
 * wakes, continues with the entity's place among its group's entities, its deadline and its budget.
 * If it has a reservation, the caller asks run_queue_admit about the new queue first, under both
 * queues' locks.
 */
void run_queue_detach(struct run_queue *queue, struct run_entity *entity, u64 now);

/*
 * Returns, for the balancing of CPUs, the next entity that waits for this CPU without a
 * reservation, one of each group, starting after `previous` (NULL: from the start). The first is of
 * the group furthest behind; the others come in no order.
 */
struct run_entity *run_queue_next_waiting(const struct run_queue *queue,
					  const struct run_entity *previous);

/*
 * Returns true if a reservation of `budget` ticks per `period` is possible besides those that exist
 * (`reserved`: the queue's). Always sets *available_permille to the part of the CPU that other
 * reservations leave.
 */
bool run_queue_admit(u64 reserved, u64 budget, u64 period, u64 *available_permille) MUST_CHECK;

/*
 * Replaces the entity's reservation (budget 0: none). The entity belongs to this queue, or to no
 * queue and to this one from now on. Returns false, without effect, if run_queue_admit refuses, not
 * counting the entity's old reservation.
 */
bool run_queue_reserve(struct run_queue *queue, struct run_entity *entity, u64 budget, u64 period,
		       u64 now, u64 *available_permille) MUST_CHECK;
