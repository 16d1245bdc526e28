/* SPDX-License-Identifier: MIT */
/*
 * Commit and recovery of a store (vmm/driver/disk/layers/store/: store_commit.c, store_load.c,
 * pool_map.c). Each generation gives one or both of two volumes another node, in a block that can be
 * taken, waits for the medium, overwrites the older superblock, and waits again; then it is answered.
 * The driver dies, or the power is cut, before any step. A cut keeps, loses or spoils each write that
 * the disk has only in its cache; a death leaves them there. Recovery takes the later superblock that
 * is whole: it is at least as late as what was answered. Each node that one of both names is there. It
 * looks through the disk's cache, so the next process may build on what a cut then loses.
 *
 * BROKEN writes the superblock without waiting for the nodes; BROKEN_ANSWER answers before the
 * superblock is on the medium; BROKEN_SUPER overwrites the later superblock; BROKEN_TAKE takes a
 * block as soon as one superblock knows that it is free; BROKEN_OPENING takes for free, after a
 * start, all that the later superblock does not lead to.
 */
#define BLOCKS      5
#define VOLUMES     2
#define LAST        6 /* generation */
#define FATES       3 /* deaths and cuts, in all */

#ifdef BROKEN_TAKE
#define settled(b) (lost[b] <= committed)
#else
#define settled(b) (lost[b] == 0 || lost[b] < committed)
#endif
#define can_take(b) (b != now.block[0] && b != now.block[1] && settled(b))

typedef super {
	byte generation; /* 0: it is not whole */
	byte block[VOLUMES];
	byte wrote[VOLUMES] /* the generation of that node, which its block has to show */
}

super medium[2], cache[2];
bool held[2];               /* the cache has what the medium has not */
byte medium_node[BLOCKS];   /* the generation that wrote it; 0: it is not whole */
byte cache_node[BLOCKS];
bool held_node[BLOCKS];

super now;                  /* in memory: what the next superblock will be */
byte committed;
byte lost[BLOCKS];          /* the generation in which the block was given up */
byte answered;
byte fates;

inline copy_super(to, from)
{
	to.generation = from.generation;
	to.block[0] = from.block[0];
	to.block[1] = from.block[1];
	to.wrote[0] = from.wrote[0];
	to.wrote[1] = from.wrote[1]
}

inline cut()
{
	i = 0;
	do
	:: i == 2 -> break
	:: i < 2 ->
		if
		:: held[i] -> copy_super(medium[i], cache[i])
		:: held[i] -> medium[i].generation = 0
		:: true /* lost, or there was nothing */
		fi;
		copy_super(cache[i], medium[i]);
		held[i] = false;
		i++
	od;
	i = 0;
	do
	:: i == BLOCKS -> break
	:: i < BLOCKS ->
		if
		:: held_node[i] -> medium_node[i] = cache_node[i]
		:: held_node[i] -> medium_node[i] = 0
		:: true
		fi;
		cache_node[i] = medium_node[i];
		held_node[i] = false;
		i++
	od;
	i = 0
}

inline flush()
{
	i = 0;
	do
	:: i == 2 -> break
	:: i < 2 -> copy_super(medium[i], cache[i]); held[i] = false; i++
	od;
	i = 0;
	do
	:: i == BLOCKS -> break
	:: i < BLOCKS -> medium_node[i] = cache_node[i]; held_node[i] = false; i++
	od;
	i = 0
}

inline recover()
{
	i = (cache[1].generation > cache[0].generation -> 1 : 0);
	copy_super(now, cache[i]);
	assert(now.generation != 0 && now.generation >= answered);
	i = 0;
	do
	:: i == 2 -> break
	:: i < 2 ->
		assert(cache[i].generation == 0 ||
		       (cache_node[cache[i].block[0]] == cache[i].wrote[0] &&
			cache_node[cache[i].block[1]] == cache[i].wrote[1]));
		i++
	od;
	committed = now.generation;
	i = 0;
	do
	:: i == BLOCKS -> break
	:: i < BLOCKS ->
#ifdef BROKEN_OPENING
		lost[i] = 0;
#else
		lost[i] = committed;
#endif
		i++
	od;
	i = 0
}

/* Gives a volume another node. */
inline change(volume)
{
	i = BLOCKS;
	if /* any block that can be taken */
	:: can_take(0) -> i = 0
	:: can_take(1) -> i = 1
	:: can_take(2) -> i = 2
	:: can_take(3) -> i = 3
	:: can_take(4) -> i = 4
	:: else -> skip /* it waits for the next generation */
	fi;
	if
	:: i < BLOCKS ->
		lost[now.block[volume]] = committed + 1;
		now.block[volume] = i;
		now.wrote[volume] = committed + 1;
		cache_node[i] = committed + 1;
		held_node[i] = true
	:: else -> skip
	fi;
	i = 0
}

active proctype store()
{
	byte i, step;

	d_step { /* a store that was just made: both superblocks, two nodes */
		medium[0].generation = 2; medium[1].generation = 1;
		medium[0].block[1] = 1; medium[1].block[1] = 1;
		medium[0].wrote[0] = 1; medium[1].wrote[0] = 1;
		medium[0].wrote[1] = 1; medium[1].wrote[1] = 1;
		medium_node[0] = 1; medium_node[1] = 1;
		cache_node[0] = 1; cache_node[1] = 1;
		copy_super(cache[0], medium[0]);
		copy_super(cache[1], medium[1]);
		answered = 2
	};
start:
	skip;
	d_step { recover() };
	step = 0;
#ifdef BROKEN_OPENING
	goto changes;
#endif
commit: /* after a start the first one changes nothing */
	do
	:: fates < FATES -> fates++; goto start /* a death: the disk goes on */
	:: fates < FATES -> fates++; atomic { cut() }; goto start
	:: step == 0 ->
#ifndef BROKEN
		d_step { flush() };
#endif
		step++
	:: step == 1 ->
		d_step {
			now.generation = committed + 1;
#ifdef BROKEN_SUPER
			i = committed % 2;
#else
			i = (committed + 1) % 2;
#endif
			copy_super(cache[i], now);
			held[i] = true;
			i = 0
		};
		step++
	:: step == 2 ->
#ifdef BROKEN_ANSWER
		answered = now.generation;
#else
		d_step { flush() };
#endif
		step++
	:: step == 3 ->
#ifdef BROKEN_ANSWER
		d_step { flush() };
#endif
		d_step { committed = now.generation; answered = committed };
		break
	od;
	if
	:: committed >= LAST -> goto end
	:: else -> skip
	fi;
#ifdef BROKEN_OPENING
changes:
#endif
	step = 0;
	if
	:: atomic { change(0) }
	:: atomic { change(1) }
	:: atomic { change(0); change(1) }
	fi;
	goto commit;
end:
	skip
}

/* Whatever happens, so often as it may, the store commits in the end. */
ltl ends { <> (committed >= LAST) }
