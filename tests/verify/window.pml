/* SPDX-License-Identifier: MIT */
/*
 * Unmapping against DMA (kernel: space_unmap, tlb_flush_space, iommu_flush, iommu_confirm): a
 * device of which nothing is known reads and writes through its unit while a page is taken from
 * what it reaches. The page may be somebody else's only when the unit has said that it has
 * forgotten it and that what was under way has ended (VT-d: drain bits and the wait descriptor;
 * AMD-Vi: INVALIDATE, COMPLETION_WAIT). tlb.pml is the same with CPUs as readers.
 *
 * The page may also be populated again meanwhile by a driver: the mapping says that it is being
 * removed, under the space's lock. BROKEN frees when the commands are written, not when the unit
 * confirms.
 */
bool mapped;                  /* the leaf */
bool removing;                /* mapping->cursor has moved: faults are not served */
bool lock;                    /* the space's */
bool kept;                    /* in the unit's cache */
bool under_way;               /* an access, after its address was looked up */
bool command, confirmed;      /* the invalidation, and what the wait writes */
bool reused;                  /* the page is somebody else's */

inline acquire() { atomic { !lock -> lock = true } }
inline release() { lock = false }

proctype device()
{
end:	do
	:: atomic { !under_way && mapped -> kept = true; under_way = true } /* a walk */
	:: atomic { !under_way && kept -> under_way = true }
	:: atomic { under_way -> assert(!reused); under_way = false }
	od
}

/* The unit carries commands out in their order, when it comes to it. */
proctype unit()
{
end:	do
	:: command ->
		kept = false;
		!under_way;                    /* drain */
		/* a walk that had begun before may have filled the cache: it sees the leaf now */
		atomic { !under_way -> kept = false; command = false; confirmed = true }
	od
}

/* SYS_SPACE_POPULATE, any number of times. */
proctype driver()
{
	byte times;

	do
	:: times < 3 ->
		acquire();
		if
		:: !removing -> mapped = true
		:: else
		fi;
		release();
		times++
	:: break
	od
}

proctype manager()
{
	acquire();
	removing = true;
	mapped = false;                        /* table_unmap */
	confirmed = false;
	command = true;                        /* ops->forget, ops->wait */
#ifndef BROKEN
	confirmed;                             /* iommu_confirm */
#endif
	release();
	reused = true                          /* the last reference goes: page_free */
}

init {
	atomic { run device(); run unit(); run driver(); run manager() }
}

ltl comes_back { <> reused }
