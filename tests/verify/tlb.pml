/* SPDX-License-Identifier: MIT */
/*
 * Unmapping without waiting (mm/tlb.c, kernel/guest/vcpu_run.c `vcpu_enter`): two CPUs run guests of a space,
 * a third unmaps a page, frees it and flushes, in the order of the code: clear the entry, add the
 * page to the list, increment the generation, kick. A page that somebody else has been given must
 * not be reached through an older translation.
 *
 * A CPU with nothing to do sleeps (tlb_cpu_idle) and keeps its translations and its bit in the
 * space: it counts as passed, and checks the generation before it enters again. A pass that could
 * neither end the epoch nor free a page takes no lock in the code; it would change nothing here.
 *
 * Each `atomic` step is one atomic access, or what a lock covers. The CPUs' steps interleave in any
 * order; the code's accesses are sequentially consistent, and so are Promela's. EPOCHS is
 * EPOCHS_TO_WAIT. BROKEN shows that the model notices.
 */
#ifdef BROKEN
#define EPOCHS 2
#else
#define EPOCHS 3
#endif
#define GUESTS 2
#define UNMAPPER GUESTS
#define CPUS (GUESTS + 1)
#define PASSED(cpu) (idle[cpu] || passed[cpu] == epoch)

bool mapped = true;   /* the second-stage entry */
byte generation;      /* space->generation */
bool on[GUESTS];      /* space->cpus */
bool kick[CPUS];      /* an interrupt on its way */
bool arrived[CPUS];   /* ... and pending: it ends a guest, or the next entry at once */
byte epoch = 1;
byte passed[CPUS];
bool idle[GUESTS];    /* asleep: nobody waits for it */
bool waiting;         /* the page is in the list */
byte freed_in;        /* the epoch of its freeing */
bool reused;          /* it is somebody else's */
bool done;            /* the unmapper's system call is over */
bool tlb[GUESTS];     /* this CPU holds a translation to the page */

/* tlb_cpu_passed, under tlb_lock */
inline pass(cpu)
{
	atomic {
		arrived[cpu] = false;
		passed[cpu] = epoch;
		if
		:: waiting ->
			if
			:: PASSED(0) && PASSED(1) && passed[UNMAPPER] == epoch ->
				epoch++
			:: else
			fi;
			if
			:: epoch - freed_in >= EPOCHS -> waiting = false; reused = true
			:: else
			fi
		:: else
		fi
	}
}

proctype guest(byte cpu)
{
	byte seen, now;

	do
	:: pass(cpu);
		on[cpu] = true;                /* tlb_guest_enter, at load */
		now = generation;              /* tlb_must_flush */
		if
		:: seen != now -> atomic { tlb[cpu] = false; seen = now }
		:: else
		fi;
		/* VM entry */
		do
		:: atomic { !arrived[cpu] && mapped -> tlb[cpu] = true } /* the walker fills the TLB */
		:: atomic { !arrived[cpu] && tlb[cpu] -> assert(!reused) } /* the guest uses the page */
		:: break                       /* an exit of its own, or the interrupt */
		od
	:: idle[cpu] = true;                   /* tlb_cpu_idle; something wakes it sooner or later */
		idle[cpu] = false;
		pass(cpu)
	:: done && !waiting -> break
	od
}

proctype unmapper()
{
	byte i;

	pass(UNMAPPER);
	mapped = false;                               /* table_unmap */
	atomic { freed_in = epoch; waiting = true };  /* tlb_page_free, under tlb_lock */
	generation++;                                 /* tlb_flush_space */
	for (i : 0 .. GUESTS - 1) {
		if
		:: on[i] -> kick[i] = true
		:: else
		fi
	}
	done = true;
	do
	:: waiting -> pass(UNMAPPER)
	:: else -> break
	od
}

/* Interrupts take their time. */
proctype apic()
{
end:	do
	:: atomic { kick[0] -> kick[0] = false; arrived[0] = true }
	:: atomic { kick[1] -> kick[1] = false; arrived[1] = true }
	od
}

init {
	atomic { run guest(0); run guest(1); run unmapper(); run apic() }
}

/* When every CPU goes round its loop the page comes back. */
ltl comes_back { <> reused }
