/* SPDX-License-Identifier: MIT */
/*
 * Which mappings must be looked at when a layered memory object gets a page of its own (mm/layer.c
 * `layer_begin_breaking`, mm/space.c `space_leaf_put`): those that have noted that they may show a page of the
 * block below. A reader in another space faults the page or its neighbour in, holding that space's
 * lock: it notes so, looks the page up under the object's lock, and maps what it has found, which is
 * the whole block as long as there are no slots above. The writer names the page as on its way, makes
 * slots and looks at the note under the object's lock; what the reader has mapped it takes away under
 * the space's lock. Once the copy has been written to, the reader must not read the page below. How
 * CPUs are made to forget translations is cow.pml's. Before a guest in the reader's space writes, the
 * block's leaf is split, so that page and neighbour have a leaf each (`space_show_around`).
 *
 * BROKEN notes after the lookup; BROKEN_PAGE notes the page alone that was touched; BROKEN_SLOTS has
 * slots above no sooner than the page; BROKEN_SPLIT splits the leaf that it saw before it had the lock.
 */
#define NONE 0
#define BELOW 1
#define OWN 2

byte block;     /* of the reader's space: a leaf for the page and its neighbour */
byte leaf[2];   /* or one for each; the page is the first */
bool shown;     /* mapping->shown */
bool locked;    /* the reader's space */
bool wanted;    /* by the writer, who comes next: a ticket lock */
bool breaking;  /* memory->breaking names the page */
bool slots;     /* the chunk has some in the top */
bool own;       /* the slot in the top */
bool written;

#define MAPPED(page) (block != NONE || leaf[page] != NONE)

inline lock() { atomic { !locked && !wanted -> locked = true } }

inline note()
{
#ifdef BROKEN_PAGE
	shown = shown || page == 0
#else
	shown = true
#endif
}

proctype reader()
{
	byte found, page;
	bool large;

	do
	:: atomic { !MAPPED(0) -> page = 0 };
		goto fault
	:: atomic { !MAPPED(1) -> page = 1 };
fault:		lock();
#ifndef BROKEN
		note();
#endif
		atomic { /* the object's lock */
			large = !slots;
			if
			:: page == 0 && own -> found = OWN
			:: page == 0 && !own && breaking -> found = NONE
			:: else -> found = BELOW
			fi
		}
#ifdef BROKEN
		note();
#endif
		atomic {
			if
			:: found == BELOW && large && leaf[1 - page] == NONE -> block = BELOW
			:: else -> leaf[page] = found
			fi;
			found = NONE;
			large = false;
			page = 0
		};
		locked = false
#ifdef BROKEN_SPLIT
	:: block != NONE -> found = block;
		lock();
		atomic {
			block = NONE;
			leaf[0] = found;
			leaf[1] = found;
			found = NONE
		};
		locked = false
#else
	:: block != NONE ->
		lock();
		atomic {
			if
			:: block != NONE -> leaf[0] = block; leaf[1] = block; block = NONE
			:: else
			fi
		};
		locked = false
#endif
	:: atomic { MAPPED(0) -> assert((block == NONE && leaf[0] == OWN) || !written) }
	:: atomic { !locked && (MAPPED(0) || MAPPED(1)) -> /* unmapped for another reason */
			block = NONE;
			leaf[0] = NONE;
			leaf[1] = NONE
		}
	:: written -> break
	od
}

proctype writer()
{
	bool elsewhere;

	do
	:: atomic { /* the object's lock */
			breaking = true;
#ifndef BROKEN_SLOTS
			slots = true;
#endif
			elsewhere = shown
		};
		if
		:: elsewhere ->
			wanted = true;
			atomic { !locked ->
				if
				:: block != NONE -> block = NONE
				:: else -> leaf[0] = NONE
				fi;
				wanted = false
			}
		:: else
		fi;
		atomic { own = true; slots = true };
		breaking = false;
		written = true;
		break
	od
}

init {
	atomic { run reader(); run writer() }
}

/* The writer gets its page. */
ltl is_written { <> written }
