/* SPDX-License-Identifier: MIT */
/*
 * Giving back a page that holds zeros while guests use it (mm/discard.c `memory_trim`, mm/memory.c
 * `memory_slot_populate`). The trimmer finds the page clear and hides it, takes its leaf away, waits until
 * no CPU may hold the old translation, and looks again: if nobody has touched it, and it is still
 * clear, it goes. CPUs write to it and clear it all the while, through their translation or by a
 * fault, which brings a hidden page back and makes a new one for an absent one, or a block, which is
 * left alone. The object is frozen and merged beside it, twice (mm/layer.c): what is hidden comes back
 * before it moves below, and nothing is trimmed meanwhile. Nobody writes to what is gone, and all
 * read what was written last. How a CPU is made to forget a translation is cow.pml's.
 *
 * BROKEN does not look again; BROKEN_FREEZE leaves hidden what moves below.
 */
#define CPUS 2

mtype = { PRESENT, HIDDEN, ABSENT };

#define NONE  0
#define READ  1
#define WRITE 2

mtype slot = PRESENT; /* the live object's */
bool block;           /* it is of a block */
bool layered;         /* there is an object below, ... */
bool below;           /* ... with the page */
bool breaking;        /* memory->breaking names it */
byte leaf;            /* the second-stage entry, to the page that the object shows */
byte tlb[CPUS];       /* a translation to it; there is never one to a page that is gone */
bool kicked[CPUS];    /* and must forget it when it next passes */
bool content;         /* of the page; false: clear */
bool written;         /* what a reader must find */
bool layers;          /* layer_lock, over several steps; each atomic step but a CPU's is under it */
byte done;

inline revoke()
{
	leaf = NONE;
	kicked[0] = tlb[0] != NONE;
	kicked[1] = tlb[1] != NONE
}

proctype cpu(byte self)
{
	bool late; /* it has used it once more since: it passes in time */

	do
	:: atomic { kicked[self] -> tlb[self] = NONE; kicked[self] = false; late = false }
	:: atomic { !kicked[self] && tlb[self] < leaf -> tlb[self] = leaf }
	:: atomic { tlb[self] != NONE && !late ->
			late = kicked[self];
			assert(slot != ABSENT || below);
			assert(content == written);
			if
			:: skip
			:: tlb[self] == WRITE -> content = true; written = true
			:: tlb[self] == WRITE -> content = false; written = false
			fi
		}
	:: atomic { !kicked[self] && leaf == NONE && tlb[self] == NONE && !layered -> /* a fault */
			if
			:: slot == HIDDEN -> slot = PRESENT
			:: slot == ABSENT -> slot = PRESENT; content = false
			:: slot == ABSENT -> slot = PRESENT; content = false; block = true
			:: slot == PRESENT
			fi;
			leaf = WRITE
		}
	:: atomic { !kicked[self] && leaf == NONE && tlb[self] == NONE && layered && !breaking ->
			if
			:: slot == PRESENT -> leaf = WRITE
			:: slot != PRESENT && below -> leaf = READ
			:: else
			fi
		}
	:: atomic { !kicked[self] && leaf != WRITE && layered && slot != PRESENT && !layers ->
			breaking = true; /* for writing, or there is none */
			tlb[self] = NONE;
			leaf = NONE;
			kicked[1 - self] = tlb[1 - self] != NONE;
			if
			:: tlb[1 - self] == NONE ->
				content = content && below;
				slot = PRESENT;
				block = false;
				breaking = false
			:: else
			fi
		}
	:: done == 2 -> break
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
		:: atomic { slot == PRESENT && !content && !block && !layered && !layers ->
				slot = HIDDEN;
				layers = true
			};
			atomic { revoke(); layers = false };
			(!kicked[0] && !kicked[1]);
			atomic { /* the object's lock */
				!layers;
				if
				:: layered /* refused */
				:: !layered && slot != HIDDEN
#ifdef BROKEN
				:: slot == HIDDEN && !layered -> slot = ABSENT; content = false
#else
				:: slot == HIDDEN && !layered && !content -> slot = ABSENT
				:: slot == HIDDEN && !layered && content -> slot = PRESENT
#endif
				fi
			}
		:: else
		fi
	od;
	done++
}

proctype layer()
{
	byte rounds;

	do
	:: rounds == 2 -> break
	:: rounds < 2 ->
		rounds++;
		atomic { /* freeze */
			!layers;
#ifndef BROKEN_FREEZE
			slot = (slot == HIDDEN -> PRESENT : slot);
#endif
			below = slot == PRESENT;
			slot = ABSENT;
			layered = true;
			layers = true
		};
		atomic { revoke(); layers = false };
		(!kicked[0] && !kicked[1]);
		do /* merge, after whoever has a page on its way */
		:: atomic { !layers && !breaking ->
				if
				:: slot == ABSENT && below -> slot = PRESENT
				:: else
				fi;
				below = false;
				layers = true;
				break
			}
		:: atomic { !layers && breaking && tlb[0] == NONE && tlb[1] == NONE ->
				content = content && below;
				slot = PRESENT;
				block = false;
				breaking = false
			}
		od;
		atomic { revoke(); layered = false; layers = false }
	od;
	done++
}

init {
	atomic { run cpu(0); run cpu(1); run trimmer(); run layer() }
}

/* The trimmer comes to an end, and so do freezes and merges. */
ltl ends { <> (done == 2) }
