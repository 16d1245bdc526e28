/* SPDX-License-Identifier: MIT */
/*
 * A thread that waits is taken out of its run queue by its CPU behind the lock of the queue that it
 * waits in, and may be woken before, by a signal or by its deadline (kernel/sched/queue.c: queue_wait,
 * signal_raise, queue_expire; kernel/sched/thread.c: thread_wait, thread_wake; kernel/sched/timer.c:
 * timer_expire; kernel/sched/sched.c: sched_next, sched_ready). It is in the run queue at most once and
 * does not stay out of it once it has been woken. BROKEN shows that the model notices.
 */
#define WAITS 3

bool signal_lock;    /* struct queue: lock */
bool queue_lock;     /* struct cpu: lock */
bool sleeping;       /* the thread is in cpu->sleeping */
bool waiting;        /* thread->state: THREAD_WAITING, else THREAD_READY */
bool signalled;      /* its queue holds a signal */
bool running = true; /* cpu->running is the thread, whose entity is then runnable */
byte queued;         /* how often it is in the tree of those that wait for the CPU */
bool reschedule;     /* PENDING_RESCHEDULE of its CPU */
byte signals;        /* that were raised, and taken */
byte taken;
byte timed;          /* waits with a deadline */

#define runnable (running || queued > 0)

inline acquire(lock) { atomic { !lock -> lock = true } }

/* The CPU, which runs the thread or others. */
proctype cpu()
{
	bool found;

	do
	:: running && !reschedule && taken < WAITS ->
		acquire(signal_lock); /* SYS_QUEUE_WAIT */
		if
		:: signalled -> signalled = false; taken++
		:: else ->
			waiting = true;
			reschedule = true;
			if
			:: timed < WAITS -> timed++; sleeping = true
			:: true
			fi
		fi;
		signal_lock = false
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
	:: sleeping -> /* timer_expire: it alone lets the thread wait again */
		acquire(queue_lock);
		found = sleeping;
		queue_lock = false;
		acquire(signal_lock);
		if
		:: found && waiting ->
			waiting = false;
			acquire(queue_lock);
			sleeping = false;
			if
			:: runnable -> skip
			:: else -> queued++; reschedule = true
			fi;
			queue_lock = false
		:: else
		fi;
		signal_lock = false
	:: taken == WAITS -> break
	od
}

/* Another CPU. */
proctype waker()
{
	do
	:: signals < WAITS ->
		acquire(signal_lock);
		signals++;
		if
		:: waiting -> /* queue_deliver: the waiter takes it */
			taken++;
			waiting = false;
			acquire(queue_lock); /* timer_cancel, sched_ready */
			sleeping = false;
			if
#ifndef BROKEN
			:: runnable -> skip
#endif
			:: else -> queued++; reschedule = true
			fi;
			queue_lock = false
		:: else -> signalled = true
		fi;
		signal_lock = false;
		(!signalled) /* one that is held already would count once */
	:: else -> break
	od
}

init {
	atomic { run cpu(); run waker() }
}

ltl once {
	[] (queued + running <= 1) && [] (!waiting && !signal_lock && !queue_lock -> runnable)
}
