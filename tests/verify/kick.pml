/* SPDX-License-Identifier: MIT */
/*
 * A kick is never lost (kernel/sched/vcpu_load.c: vcpu_kick; kernel/guest/vcpu_run.c: vcpu_step; arch/x86_64/cpu/cpus.c:
 * cpus_pend), nor a signal that a vCPU's queue holds (kernel/sched/queue.c: signal_raise, queue_take, queue_empty):
 * whenever it comes, either the current run ends or the next one returns at once. Meanwhile the
 * runner may move between two CPUs, under the object lock, which the kicker holds too.
 * A CPU whose bit for kicks is set gets no second interrupt, and none if it has set the bit itself, as the copy
 * of a page for its guest does (kernel/guest/vcpu_memory.c: vcpu_handle_write): then it must not enter the guest.
 * BROKEN and BROKEN_SELF show that the model notices.
 */
bool object_lock;
bool kicked;         /* vcpu->kicked */
bool signalled;      /* vcpu->signalled */
byte pending;        /* signals that its queue holds */
bool runner;         /* vcpu->runner != NULL */
byte home;           /* runner->cpu */
bool told[3];        /* PENDING_KICK of that CPU */
bool interrupt[3];   /* a kick's interrupt, pending at that CPU; 2 is the kicker's own */
bool in_guest;
byte where;          /* the CPU that the guest runs on */

inline acquire() { atomic { !object_lock -> object_lock = true } }
inline release() { object_lock = false }

#define KICKS 2

proctype monitor()
{
	do
	:: runner = true;                  /* vcpu_begin: claim */
again:		do
		:: true ->
			/* the CPU's loop: interrupts are taken here */
			interrupt[home] = false;
			told[home] = false;
			/* the scheduler may move the thread */
			if
			:: acquire(); home = 1 - home; release()
			:: skip
			fi;
			/* vcpu_step */
			if
			:: atomic { kicked -> kicked = false }; break /* exchanged */
			:: else ->
				if
				:: signalled ->         /* queue_empty */
					acquire(); pending = 0; signalled = false; release();
					break
				:: else
				fi
			fi;
			if
			:: told[home] = true;           /* the CPU kicks itself */
#ifndef BROKEN_SELF
				goto again
#endif
			:: skip
			fi;
			where = home;
			in_guest = true;
			if
			:: interrupt[where] -> in_guest = false         /* EXIT_HOST_INTERRUPT */
			:: in_guest = false; break                      /* the guest's own exit */
			fi
		od;
		runner = false;                 /* unclaim */
		if
		:: skip                         /* a monitor that does not look at its queue */
		:: acquire();
			/* queue_take */
			if
			:: pending > 0 ->
				pending--;
				signalled = (pending > 0)
			:: else
			fi;
			release()
		fi
	od
}

proctype kicker()
{
	byte i;
	bool saw;

	for (i : 1 .. KICKS) {
		acquire();
		if
		:: pending++; signalled = true  /* signal_raise: marked before the kick */
		:: skip                         /* a kick alone */
		fi;
#ifdef BROKEN /* looking for the runner first */
		saw = runner;
		kicked = true;
#else
		kicked = true;
		saw = runner;
#endif
		if
		:: atomic { saw && !told[home] -> told[home] = true }; interrupt[home] = true
		:: saw && told[home]
		:: else
		fi;
		release()
	}
}

init {
	atomic { run monitor(); run kicker() }
}

/* Lost: the guest runs on after a kick, and no interrupt is on its way to where it runs. */
ltl never_lost {
	[] !(in_guest && (kicked || signalled) && !object_lock && !interrupt[where]) &&
	[] (object_lock || signalled == (pending > 0))
}
