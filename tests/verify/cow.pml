/* SPDX-License-Identifier: MIT */
/*
 * Giving a layered memory object a page of its own (mm/layer.c `give_page`, mm/tlb.c): a vCPU
 * writes to a page that lies in the frozen object below. Its CPU takes the leaf away wherever the
 * page is mapped, waits until no other CPU may hold the old translation, then publishes the copy.
 * Others read the page all the time, fault it in again, leave the space and come back. Once the
 * copy is there nobody may use the frozen page instead of it: they would miss what was written.
 *
 * tlb_flush_space, in the order of the code: increment the generation, then for each CPU on the
 * space set its bit in `stale` and kick it. A CPU clears its bit when it passes its loop and after it
 * has put itself on the space; each time it compares generations before it
 * enters the guest. Quiet: no other CPU is both stale and on the space.
 *
 * Each `atomic` step is one atomic access, or what a lock covers. BROKEN publishes before quiet.
 */
#define READERS 2
#define CPUS (READERS + 1)
#define WRITER READERS

#define NONE 0
#define FROZEN 1 /* read-only, to the page below */
#define OWN 2

byte leaf;           /* the second-stage entry */
byte tlb[CPUS];
byte generation;     /* space->generation */
bool on[CPUS];       /* space->cpus */
bool stale[CPUS];    /* space->stale */
bool kick[CPUS];     /* an interrupt on its way */
bool arrived[CPUS];  /* ... and pending: it ends a guest, or the next entry at once */
bool breaking;       /* memory->breaking names the page */
bool own;            /* the slot in the top */
bool written;

inline pass(cpu)
{
	arrived[cpu] = false;
	stale[cpu] = false;
}

inline enter(cpu, seen, now)
{
	on[cpu] = true;                /* tlb_space_enter */
	stale[cpu] = false;
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
			:: else
			fi
		}
	:: on[cpu] -> on[cpu] = false                     /* another vCPU's turn */
	:: written -> break
	od
}

proctype writer()
{
	byte seen, now, i;
	bool quiet;

	do
	:: pass(WRITER);
		enter(WRITER, seen, now);
		if
		:: atomic { leaf == OWN -> tlb[WRITER] = OWN; written = true }; break
		:: atomic { own && leaf == NONE -> leaf = OWN }
		:: !own -> /* a step of give_page */
			breaking = true;
			if
			:: atomic { leaf != NONE -> leaf = NONE };
				generation++;
				for (i : 0 .. CPUS - 1) {
					if
					:: on[i] -> stale[i] = true; kick[i] = true
					:: else
					fi
				}
			:: leaf == NONE
			fi;
			quiet = true;
#ifndef BROKEN
			for (i : 0 .. READERS - 1) {
				if
				:: stale[i] -> if
					:: on[i] -> quiet = false
					:: else
					fi
				:: else
				fi
			}
#endif
			if
			:: quiet -> atomic { own = true; breaking = false }
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
	atomic { run reader(0); run reader(1); run writer(); run apic() }
}

/* The writer gets its page. */
ltl is_written { <> written }
