/* SPDX-License-Identifier: MIT */
/*
 * Who waits for whom with layers (mm/layer.c `layer_wait_begin`): a page is frozen, reset, merged
 * and frozen again, by a manager who repeats each call until it is done. A guest's vCPU and its
 * monitor, in two spaces, write to the page and read it all the while, and the monitor takes its
 * mapping away and has it back for ever. Each of these takes leaves away; who still has the old
 * translation is kicked and noted in the set of what took it: for a page's exchange, for a freeze or
 * reset, or for whoever comes next (merge and unmapping).
 *
 * All read what was written last, unless a reset is under way; nobody writes to what is frozen; an
 * exchange leaves no old translation in use; each call of the manager and each write of the guest
 * ends whatever the others do. That a CPU is taken out of a set when it passes, however soon it is
 * kicked again, is assumed here (tlb_all_passed has to look between two kicks); how a CPU is made
 * to pass is cow.pml's.
 *
 * BROKEN_SHARED: one set for all. BROKEN_LATER, BROKEN_ALL: who begins to wait leaves out what was
 * revoked by a merge or an unmapping, by a freeze or a reset. BROKEN_RESET: a reset goes on while
 * there are pages to hide.
 */
#define GUEST	0 /* a space, and the CPU that uses it */
#define MONITOR 1

#define FRAMES 3
#define NONE 0
#define LEAF(frame, write) (2 * (frame) + (write)) /* frames count from 1 */
#define FRAME(leaf) ((leaf) / 2)
#define WRITABLE(leaf) ((leaf) % 2)

#define PAGE  0
#define ALL   1
#define LATER 2
#ifdef BROKEN_SHARED
#define SET(wait) 0
#else
#define SET(wait) wait
#endif

byte leaf[2];
byte tlb[2];
bool kicked[2];
byte awaited[3];     /* a bit for each CPU */
bool mapped = true;  /* by the monitor */
bool value[FRAMES + 1];
bool now;            /* what was written last */
bool loose;          /* a reset is under way */

byte own = 1;        /* the live object's slot */
bool kept;           /* it is hidden */
byte below;
bool frozen;
bool breaking;
bool listed;         /* own_first: the page was exchanged */
bool to_hide;        /* hide_first */
bool layers;         /* layer_lock, where it is held over a step; each atomic step is under it */
bool done;

#define VISIBLE (own != 0 && !kept)

inline wait_begin(wait)
{
#ifdef BROKEN_SHARED
	skip
#elif defined(BROKEN_LATER)
	awaited[wait] = awaited[PAGE] | awaited[ALL]; awaited[LATER] = 0
#elif defined(BROKEN_ALL)
	awaited[wait] = awaited[wait] | awaited[LATER]; awaited[LATER] = 0
#else
	awaited[wait] = awaited[PAGE] | awaited[ALL] | awaited[LATER]; awaited[LATER] = 0
#endif
}

inline revoke(space, wait)
{
	leaf[space] = NONE;
	kicked[space] = true;
	awaited[SET(wait)] = awaited[SET(wait)] | (1 << space)
}

/* layer_revoke flushes where the object is mapped, whether or not there is a leaf. */
inline revoke_mapping(space, wait)
{
	if
	:: space == GUEST || mapped -> revoke(space, wait)
	:: else
	fi
}

inline revoke_page(space, wait)
{
	if
	:: leaf[space] != NONE -> revoke(space, wait)
	:: else
	fi
}

/* layer_give_page, by the CPU whose access wants it, or who else comes */
inline give_page()
{
	if
	:: awaited[SET(PAGE)] == 0 ->
		assert(tlb[GUEST] == NONE || tlb[GUEST] == leaf[GUEST]);
		assert(tlb[MONITOR] == NONE || tlb[MONITOR] == leaf[MONITOR]);
		if
		:: own != 0
		:: else -> /* one that nobody uses: tlb.pml */
			own = 1;
			do
			:: own != below && own != FRAME(tlb[GUEST]) && own != FRAME(tlb[MONITOR]) -> break
			:: else -> own++
			od;
			assert(own <= FRAMES)
		fi;
		value[own] = value[below];
		kept = false;
		breaking = false;
		listed = true
	:: else
	fi
}

/* space_own_leaf_put: a write finds no leaf that grants it */
inline own_leaf_put(self)
{
	if
	:: breaking -> give_page()
	:: else
	fi;
	if
	:: breaking
	:: !breaking ->
		revoke_page(self, PAGE);
		awaited[SET(PAGE)] = awaited[SET(PAGE)] & ~(1 << self); /* it is in ring 0, and compares */
		tlb[self] = NONE;
		if
		:: !VISIBLE ->
			breaking = true;
			wait_begin(PAGE);
			awaited[SET(PAGE)] = awaited[SET(PAGE)] & ~(1 << self);
			if
			:: !frozen || leaf[1 - self] != NONE -> layers = true; breaks = true /* layer_break is next */
			:: else -> give_page()
			fi
		:: else
		fi;
		if
		:: VISIBLE -> leaf[self] = LEAF(own, 1)
		:: else
		fi
	fi
}

inline pass(self)
{
	tlb[self] = NONE;
	kicked[self] = false;
	awaited[0] = awaited[0] & ~(1 << self);
	awaited[1] = awaited[1] & ~(1 << self);
	awaited[2] = awaited[2] & ~(1 << self)
}

proctype cpu(byte self)
{
	bool late;  /* it has used its translation once more since it was kicked: it passes in time */
	bool write; /* wanted */
	bool breaks;

end:	do
	:: atomic { kicked[self] -> pass(self); late = false }
	:: atomic { !kicked[self] && tlb[self] == NONE && leaf[self] != NONE -> tlb[self] = leaf[self] }
	:: atomic { tlb[self] != NONE && !late && !write -> /* reads */
			late = kicked[self];
			assert(loose || value[FRAME(tlb[self])] == now)
		}
	:: atomic { !kicked[self] && !write && (self == GUEST || mapped) -> write = true }
	:: atomic { write && WRITABLE(tlb[self]) && !late ->
			late = kicked[self];
			write = false;
			assert(!frozen || FRAME(tlb[self]) != below);
			if
			:: now = true
			:: now = false
			fi;
			value[FRAME(tlb[self])] = now
		}
	:: atomic { !kicked[self] && !write && leaf[self] == NONE && (self == GUEST || mapped) ->
			pass(self); /* a fault for reading */
			if
			:: VISIBLE -> leaf[self] = LEAF(own, 1)
			:: !VISIBLE && below != 0 && !breaking -> leaf[self] = LEAF(below, 0)
			:: !VISIBLE && breaking && !layers -> give_page()
			:: else
			fi
		}
	:: atomic { !kicked[self] && write && self == MONITOR && !mapped -> write = false }
	:: atomic { write && !WRITABLE(leaf[self]) && (self == GUEST || mapped) && !layers ->
			pass(self);
			late = false;
			if
			:: below != 0 -> own_leaf_put(self)
			:: below == 0 && VISIBLE -> leaf[self] = LEAF(own, 1)
			fi
		};
		if
		:: breaks -> atomic { revoke_page(1 - self, PAGE); layers = false; breaks = false }
		:: else
		fi
	od
}

/* The monitor's other thread: space_unmap, space_map. */
proctype unmapper()
{
end:	do
	:: atomic { mapped && !layers -> revoke(MONITOR, LATER); mapped = false }
	:: atomic { !mapped && !layers -> mapped = true }
	od
}

/* A step of a freeze or a reset that takes away: it waits for what others have since the last step. */
#ifdef BROKEN_STEPS
#define STEP_BEGIN(wait) skip
#else
#define STEP_BEGIN(wait) wait_begin(wait)
#endif

/* The pages move in the first step, which may take other pages away than this one. */
inline freeze()
{
	atomic {
		!layers;
		below = own;
		own = 0;
		listed = false;
		to_hide = false;
		wait_begin(ALL)
	};
	atomic { !layers -> layers = true; STEP_BEGIN(ALL) };
	atomic { revoke_mapping(GUEST, ALL) };
	atomic { revoke_mapping(MONITOR, ALL); layers = false };
	atomic { awaited[SET(ALL)] == 0 && !layers -> frozen = true }
}

/* Likewise. */
inline reset()
{
	atomic {
		!layers;
		loose = true;
		to_hide = listed;
		listed = false;
		wait_begin(ALL)
	};
	do
	:: atomic { to_hide && !layers ->
			STEP_BEGIN(ALL);
			kept = true;
			to_hide = false;
			layers = true
		};
		atomic { revoke_page(GUEST, ALL) };
		atomic { revoke_page(MONITOR, ALL); layers = false }
#ifdef BROKEN_RESET
	:: atomic { listed && !layers -> to_hide = true; listed = false }
	:: atomic { !to_hide && !listed && awaited[SET(ALL)] == 0 && !layers ->
#else
	:: atomic { !to_hide && awaited[SET(ALL)] == 0 && !layers ->
#endif
			loose = false;
			now = (VISIBLE -> value[own] : value[below]);
			break
		}
	od
}

inline merge()
{
	do
	:: atomic { !layers ->
			if
			:: breaking -> give_page()
			:: else
			fi;
			if
			:: !breaking -> layers = true; break
			:: else
			fi
		}
	od;
	atomic {
		if
		:: !VISIBLE -> own = below; kept = false; frozen = false
		:: else
		fi
	};
	atomic { revoke_mapping(GUEST, LATER) };
	atomic { revoke_mapping(MONITOR, LATER); below = 0; frozen = false; listed = false; layers = false }
}

proctype manager()
{
	freeze();
	if
	:: reset()
	:: skip
	fi;
	merge();
	freeze();
	done = true
}

init {
	atomic { run cpu(GUEST); run cpu(MONITOR); run unmapper(); run manager() }
}

#define wants (cpu[1]:write)

/* The manager's calls come to an end, and the guest's writes. */
ltl ends { (<> done) && [] (wants -> <> !wants) }
