/* SPDX-License-Identifier: MIT */
/*
 * Giving a layered memory object a page of its own (mm/layer.c `layer_give_page`, mm/tlb.c): a vCPU
 * writes to a page that lies in the frozen object below. Its CPU takes the leaf away wherever the
 * page is mapped, waits until no other CPU may hold the old translation, then publishes the copy.
 * Others read the page all the time, fault it in again, leave the space and come back. Once the
 * copy is there nobody may use the frozen page instead of it: they would miss what was written. If
 * the page below is of a block, who touches another page of it maps both, unless there are slots above.
 *
 * tlb_flush_space, in the order of the code: increment the generation, then kick each CPU on the
 * space: set PENDING_KICK and, unless it was set, send an interrupt. Then tlb_await: all on the
 * space are awaited. A CPU takes its pending word when it passes its loop, then compares generations
 * before it enters the guest. Quiet: each awaited CPU was once seen without PENDING_KICK.
 *
 * If only the writer's CPU is on the space, it first shows the block's pages (space_show_around); and
 * it need not kick and await, if after it took the leaf away there is still no other (tlb_flush_alone).
 * It has read the page itself, and may go back to the guest without passing its loop. That is searched
 * with one reader, the rest with two.
 *
 * Each `atomic` step is one atomic access, or what a lock covers. BROKEN publishes before quiet; in BROKEN_SLOTS
 * there are slots above no sooner than the page; BROKEN_ALONE looks for other CPUs before it shows and not
 * after it took the leaf away; BROKEN_BACK goes back to the guest without a look at the generation.
 */
#ifdef BROKEN_SLOTS
#define READERS 1
#else
#define READERS 2
#endif
#define CPUS (READERS + 1)
#define WRITER READERS

#define NONE 0
#define FROZEN 1 /* read-only, to the page below */
#define OWN 2

byte leaf;           /* the second-stage entry */
byte tlb[CPUS];
byte generation;     /* space->generation */
bool on[CPUS];       /* space->cpus */
bool pending[CPUS];  /* cpu->pending & PENDING_KICK */
bool awaited[CPUS];  /* memory->awaited */
bool kick[CPUS];     /* an interrupt on its way */
bool arrived[CPUS];  /* ... and pending: it ends a guest, or the next entry at once */
bool breaking;       /* memory->breaking names the page */
bool slots;          /* the top has some for what was a block */
bool own;            /* the page's there */
bool written;
bool around;         /* the block's pages are shown before the write */

inline pass(cpu)
{
	arrived[cpu] = false;
	pending[cpu] = false;
}

inline enter(cpu, seen, now)
{
	on[cpu] = true;                /* tlb_space_enter */
	now = generation;              /* tlb_must_flush */
	if
	:: seen != now -> atomic { tlb[cpu] = NONE; seen = now }
	:: else
	fi
}

proctype reader(byte cpu)
{
	byte seen, now;

	do
	:: pass(cpu);
		enter(cpu, seen, now);
		do
		:: atomic { !arrived[cpu] && tlb[cpu] == NONE && leaf != NONE -> tlb[cpu] = leaf }
		:: atomic { !arrived[cpu] && tlb[cpu] != NONE -> assert(tlb[cpu] == OWN || !written) }
		:: atomic { !arrived[cpu] && tlb[cpu] == NONE && leaf == NONE -> break } /* a fault */
		:: break
		od;
		atomic { /* fault, under the space's lock */
			if
			:: leaf == NONE && own -> leaf = OWN
			:: leaf == NONE && !own && !breaking -> leaf = FROZEN
			:: leaf == NONE && !slots -> leaf = FROZEN /* by a neighbour's fault */
			:: else
			fi
		}
	:: on[cpu] -> on[cpu] = false                     /* another vCPU's turn */
	:: written -> break
	od
}

inline flush_space()
{
	generation++;
	for (i : 0 .. CPUS - 1) {
		if
		:: on[i] -> atomic {
				if
				:: !pending[i] -> pending[i] = true; kick[i] = true
				:: else
				fi
			}
		:: else
		fi
	}
	for (i : 0 .. CPUS - 1) {
		if
		:: on[i] -> awaited[i] = true
		:: else
		fi
	}
}

inline look_for_others()
{
	others = on[0]
}

proctype writer()
{
	byte seen, now, i;
	bool quiet, back, shows;
	bool others = true;

	do
	:: 	if
		:: pass(WRITER);
			back = false
		:: back && !pending[WRITER]
		fi;
#ifdef BROKEN_BACK
		if
		:: !back -> enter(WRITER, seen, now)
		:: else
		fi;
#else
		enter(WRITER, seen, now);
#endif
		back = around;
		if
		:: atomic { around && leaf == FROZEN && tlb[WRITER] == NONE -> tlb[WRITER] = FROZEN }
		:: atomic { leaf == OWN -> assert(tlb[WRITER] != FROZEN); written = true }; break
		:: atomic { own && leaf == NONE -> leaf = OWN }
		:: atomic { own && leaf == FROZEN -> leaf = NONE }; flush_space()
		:: !own -> /* a step of own */
			if
			:: !breaking ->
				if
				:: around ->
					generation++;
					look_for_others();
					shows = !others;
					if
					:: atomic { shows && leaf == NONE && !slots -> leaf = FROZEN }
					:: else
					fi
				:: else
				fi;
#ifdef BROKEN_SLOTS
				breaking = true;
#else
				atomic { breaking = true; slots = true };
#endif
				if
				:: atomic { leaf != NONE -> leaf = NONE };
					if
					:: around -> generation++;
#ifdef BROKEN_ALONE
						others = !shows
#else
						look_for_others()
#endif
					:: else
					fi;
					if
					:: others -> flush_space()
					:: else
					fi
				:: leaf == NONE
				fi
			:: else
			fi;
			quiet = true;
#ifndef BROKEN
			for (i : 0 .. READERS - 1) {
				if
				:: awaited[i] && !pending[i] -> awaited[i] = false
				:: else
				fi;
				quiet = quiet && !awaited[i]
			}
#endif
			if
			:: quiet -> atomic { own = true; slots = true; breaking = false }
			:: else
			fi
		fi
	od;
	on[WRITER] = false
}

/* Interrupts take their time. */
proctype apic()
{
end:	do
	:: atomic { kick[0] -> kick[0] = false; arrived[0] = true }
	:: atomic { kick[1] -> kick[1] = false; arrived[1] = true }
	:: atomic { kick[WRITER] -> kick[WRITER] = false; arrived[WRITER] = true }
	od
}

init {
	atomic {
		run reader(0);
		if
		:: READERS == 2 -> run reader(1)
		:: around = true
		fi;
		run writer();
		run apic()
	}
}

/* The writer gets its page. */
ltl is_written { <> written }
