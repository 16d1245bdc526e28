/* SPDX-License-Identifier: MIT */
/*
 * Giving back a page that holds zeros while guests use it (mm/discard.c `memory_trim`, mm/memory.c
 * `memory_slot_populate`). The trimmer finds the page clear and hides it, takes its leaf away, waits until
 * no CPU may hold the old translation, and looks again: if nobody has touched it, and it is still
 * clear, it goes. CPUs write to it and clear it all the while, through their translation or by a
 * fault, which brings a hidden page back and makes a new one for an absent one. Nobody writes to
 * what is gone, and all read what was written last. How a CPU is made to forget a translation is
 * cow.pml's.
 *
 * BROKEN does not look again.
 */
#define CPUS 2

mtype = { PRESENT, HIDDEN, ABSENT };

mtype slot = PRESENT;
bool leaf;           /* the second-stage entry, to the page in the slot */
bool tlb[CPUS];      /* a translation to it; there is never one to a page that is gone */
bool kicked[CPUS];   /* and must forget it when it next passes */
bool content;        /* of the page; false: clear */
bool written;        /* what a reader must find */
bool done;

proctype cpu(byte self)
{
	bool late; /* it has used it once more since: it passes in time */

	do
	:: atomic { kicked[self] -> tlb[self] = false; kicked[self] = false; late = false }
	:: atomic { !kicked[self] && leaf && !tlb[self] -> tlb[self] = true }
	:: atomic { tlb[self] && !late ->
			late = kicked[self];
			assert(slot != ABSENT);
			assert(content == written);
			if
			:: content = true; written = true
			:: content = false; written = false
			fi
		}
	:: atomic { !kicked[self] && !leaf && !tlb[self] -> /* a fault */
			if
			:: slot == HIDDEN -> slot = PRESENT
			:: slot == ABSENT -> slot = PRESENT; content = false
			:: else
			fi;
			leaf = true
		}
	:: done -> break
	od
}

proctype trimmer()
{
	byte rounds;

	do
	:: rounds == 2 -> break
	:: rounds < 2 ->
		rounds++;
		if
		:: atomic { slot == PRESENT && !content -> slot = HIDDEN };
			atomic { leaf = false; kicked[0] = tlb[0]; kicked[1] = tlb[1] };
			(!kicked[0] && !kicked[1]);
			atomic { /* the object's lock */
				if
#ifdef BROKEN
				:: slot == HIDDEN -> slot = ABSENT; content = false
#else
				:: slot == HIDDEN && !content -> slot = ABSENT
				:: slot == HIDDEN && content -> slot = PRESENT
#endif
				:: else
				fi
			}
		:: else
		fi
	od;
	done = true
}

init {
	atomic { run cpu(0); run cpu(1); run trimmer() }
}

/* The trimmer comes to an end. */
ltl ends { <> done }
