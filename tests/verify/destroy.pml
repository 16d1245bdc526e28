/* SPDX-License-Identifier: MIT */
/*
 * Destroying a vCPU while it is run (kernel/guest/vcpu_run.c: vcpu_run; kernel/guest/vcpu.c: vcpu_free;
 * kernel/sched/thread.c: thread_free; kernel/group/teardown.c). CPU 0 has the thread that runs it, and enters
 * without the object lock; CPU 1 destroys the vCPU, later the process, and tears down step by step.
 * The vCPU is freed only when nobody claims it, no CPU holds its registers and no reference is
 * left, and it is not used afterwards. BROKEN shows that the model notices.
 */
byte tickets, served;      /* the object lock, a ticket lock: every waiter gets it in the end */
bool dead;                 /* object.dead of the vCPU */
byte references = 1;       /* the handle's */
bool handle_open = true;
bool ran;                  /* thread->ran: a reference of the thread's own */
bool runner;               /* vcpu->runner */
byte loaded = 2;           /* virt.loaded_cpu; 2: none */
bool kicked, pend_unload;  /* what CPU 0 is asked to do */
bool thread_dead, thread_gone;
bool cpu_holds = true;     /* CPU 0 has the thread loaded */
bool queued;               /* in the list of what is to be torn down */
bool freed;

inline acquire() { atomic { mine = tickets; tickets = (tickets + 1) % 4 }; served == mine }
inline release() { served = (served + 1) % 4 }
inline put()
{
	atomic {
		references--;
		if
		:: references == 0 -> queued = true
		:: else
		fi
	}
}

proctype cpu0()
{
	byte mine;

	do
	:: true ->
		/* settle */
		if
		:: atomic { pend_unload -> pend_unload = false };
			if
			:: loaded == 0 -> assert(!freed); loaded = 2
			:: else
			fi
		:: else
		fi;
		if
		:: thread_dead -> cpu_holds = false; break /* reschedule, thread_forget_dead */
		:: else
		fi;
		if
		:: runner && cpu_holds ->   /* vcpu_step */
			assert(!freed);
			if
			:: kicked -> kicked = false; runner = false
			:: else ->
				if
				:: loaded != 0 -> assert(!freed); loaded = 0
				:: else
				fi;
				assert(!freed);     /* the guest runs */
				if
				:: runner = false   /* back to the monitor */
				:: skip             /* an exit that the kernel settles */
				fi
			fi
		:: !runner ->               /* SYS_VCPU_RUN: vcpu_begin */
			if
			:: ran && !dead -> skip     /* without the lock */
			:: else ->
				acquire();
				if
				:: handle_open && !dead ->
					if
					:: !ran -> references++; ran = true
					:: else
					fi;
					release()
				:: else -> release(); goto refused
				fi
			fi;
			assert(!freed);
			runner = true;              /* claim */
			if
			:: loaded != 0 -> assert(!freed); loaded = 0
			:: else
			fi;
refused:		skip
		fi
	od;
	/* nothing runs here any more: it only unloads when asked */
	do
	:: atomic { pend_unload -> pend_unload = false };
		if
		:: loaded == 0 -> assert(!freed); loaded = 2
		:: else
		fi
	:: freed -> break
	od
}

proctype cpu1()
{
	byte mine;

	/* SYS_OBJECT_DESTROY of the vCPU: kick, dead, close the handle */
	acquire();
	kicked = true;
	dead = true;
	handle_open = false;
	put();
	release();
	/* the end of the process: thread_end */
	acquire();
	thread_dead = true;
	release();
	/* teardown_step, again and again */
	do
	:: !freed ->
		acquire();
		if
		:: thread_dead && !thread_gone && !cpu_holds -> /* thread_free */
			if
			:: runner -> runner = false             /* vcpu_abandon */
			:: else
			fi;
			if
			:: ran -> ran = false; put()            /* vcpu_forget */
			:: else
			fi;
			thread_gone = true
		:: queued && runner -> kicked = true            /* vcpu_free: STATUS_AGAIN */
		:: queued && !runner && loaded == 0 -> pend_unload = true
#ifdef BROKEN /* without waiting for the CPU that holds the registers */
		:: queued && !runner && loaded == 0 -> queued = false; freed = true
#endif
		:: queued && !runner && loaded == 2 -> queued = false; freed = true
		:: else
		fi;
		release()
	:: freed -> break
	od
}

init {
	atomic { run cpu0(); run cpu1() }
}

ltl given_back { <> freed }
