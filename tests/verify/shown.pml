/* SPDX-License-Identifier: MIT */
/*
 * Which mappings must be looked at when a layered memory object gets a page of its own (mm/layer.c
 * `layer_begin_breaking`, mm/space.c `space_leaf_put`): those that have noted that they may show a page of the
 * block below. A reader in another space faults the page in, holding that space's lock: it notes
 * so, looks the page up under the object's lock, and maps what it has found. The writer names the
 * page as on its way and looks at the note under the object's lock; what the reader has mapped it
 * takes away under the space's lock. Once the copy has been written to, the reader must not read
 * the page below. How CPUs are made to forget translations is cow.pml's.
 *
 * BROKEN notes after the lookup.
 */
#define NONE 0
#define BELOW 1
#define OWN 2

byte leaf;     /* of the reader's space */
bool shown;    /* mapping->shown */
bool locked;   /* the reader's space */
bool wanted;   /* by the writer, who comes next: a ticket lock */
bool breaking; /* memory->breaking names the page */
bool own;      /* the slot in the top */
bool written;

inline lock() { atomic { !locked && !wanted -> locked = true } }

proctype reader()
{
	byte found;

	do
	:: leaf == NONE ->
		lock();
#ifndef BROKEN
		shown = true;
#endif
		atomic { /* the object's lock */
			if
			:: own -> found = OWN
			:: !own && !breaking -> found = BELOW
			:: else -> found = NONE
			fi
		}
#ifdef BROKEN
		shown = true;
#endif
		leaf = found;
		locked = false
	:: atomic { leaf != NONE -> assert(leaf == OWN || !written) }
	:: leaf != NONE -> atomic { !locked -> leaf = NONE } /* unmapped for another reason */
	:: written -> break
	od
}

proctype writer()
{
	bool elsewhere;

	do
	:: atomic { breaking = true; elsewhere = shown }; /* the object's lock */
		if
		:: elsewhere ->
			wanted = true;
			atomic { !locked -> leaf = NONE; wanted = false }
		:: else
		fi;
		own = true;
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
