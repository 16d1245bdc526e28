/* SPDX-License-Identifier: MIT */
/*
 * A thread that waits is taken out of its run queue by its CPU behind the object lock, and may be
 * woken before (kernel/thread.c: thread_wait, thread_wake; kernel/sched.c: sched_next, sched_ready).
 * It is in the queue at most once, and does not stay out of it once it has been woken.
 * BROKEN shows that the model notices.
 */
#define WAITS 3

bool object_lock;
bool queue_lock;     /* struct cpu: lock */
bool waiting;        /* thread->state: THREAD_WAITING, else THREAD_READY */
bool signalled;      /* its queue holds a signal */
bool running = true; /* cpu->running is the thread, whose entity is then runnable */
byte queued;         /* how often it is in the tree of those that wait for the CPU */
bool reschedule;     /* PENDING_RESCHEDULE of its CPU */
byte signals;        /* that were raised, and taken */
byte taken;

#define runnable (running || queued > 0)

inline acquire(lock) { atomic { !lock -> lock = true } }

/* The CPU, which runs the thread or others. */
proctype cpu()
{
	do
	:: running && !reschedule && taken < WAITS ->
		acquire(object_lock); /* SYS_QUEUE_WAIT */
		if
		:: signalled -> signalled = false; taken++
		:: else -> waiting = true; reschedule = true
		fi;
		object_lock = false
	:: reschedule || (!running && queued > 0) -> /* settle */
		reschedule = false;
		acquire(queue_lock); /* sched_next */
		if
		:: running && waiting -> running = false
		:: running && !waiting -> /* goes on, or another is better */
			if
			:: true
			:: running = false; queued++
			fi
		:: else
		fi;
		if
		:: !running && queued > 0 -> queued--; running = true
		:: true
		fi;
		queue_lock = false
	:: taken == WAITS -> break
	od
}

/* Another CPU. */
proctype waker()
{
	do
	:: signals < WAITS ->
		acquire(object_lock);
		signals++;
		if
		:: waiting -> /* queue_deliver: the waiter takes it */
			taken++;
			waiting = false;
			acquire(queue_lock); /* sched_ready */
			if
#ifndef BROKEN
			:: runnable -> skip
#endif
			:: else -> queued++; reschedule = true
			fi;
			queue_lock = false
		:: else -> signalled = true
		fi;
		object_lock = false;
		(!signalled) /* one that is held already would count once */
	:: else -> break
	od
}

init {
	atomic { run cpu(); run waker() }
}

ltl once {
	[] (queued + running <= 1) && [] (!waiting && !object_lock && !queue_lock -> runnable)
}
