/* SPDX-License-Identifier: MIT */
/*
 * Which host holds a store (vmm/driver/disk/layers/store/: store_lease.c, store_commit.c,
 * store_load.c). Two superblocks on a disk that hosts read and write; a host may stall for any time
 * between two steps. Host 0 holds the store, may be booted again, and then has it at once if nobody
 * has taken it. The others take it when they have seen it unchanged for longer than the lease.
 * Assumed: a write is on the disk one tick after it was given to it, at the latest. Never do two
 * hosts serve, and who takes the store finds all that was answered.
 *
 * BROKEN_WAIT has takers not wait before they look again; BROKEN_BACK has them not look again;
 * BROKEN_STALE has a holder that has stalled write without a look; BROKEN_WINDOW has hosts write
 * however long ago they looked; BROKEN_WATCH has takers wait for half the lease only.
 */
#define HOSTS  2
#define LEASE  4
#define WINDOW 1
#define WAIT   3 /* more than a window and the time of a write */
#ifdef BROKEN_WATCH
#define WATCH  2
#else
#define WATCH  6 /* more than a lease and the time of a write */
#endif
#define LONG   7 /* times are not told apart from here on */
#define LAST   5 /* generation */

typedef super {
	byte epoch;
	byte generation;
	byte session; /* of its owner */
	byte holds    /* how many answered changes are in it */
};

super disk[2];
super flying[HOSTS]; /* a write on its way */
bool busy[HOSTS];
byte age[HOSTS];     /* of that write */
byte looked[HOSTS];  /* time since the last look */
byte given[HOSTS];   /* time since the last superblock was given to the disk */
byte since[HOSTS];   /* time since what is watched was seen first, or since a wait began */
bool holds[HOSTS];
byte answered;

#define newest (disk[1].epoch > disk[0].epoch || \
		(disk[1].epoch == disk[0].epoch && disk[1].generation > disk[0].generation) -> 1 : 0)
#define stale(h) (given[h] >= LEASE)
#define serves(h) (holds[h] && !stale(h))
#define grow(time) time = (time < LONG -> time + 1 : LONG)

inline take(to, from)
{
	to.epoch = from.epoch;
	to.generation = from.generation;
	to.session = from.session;
	to.holds = from.holds
}

/* Reads both superblocks; sets `same` to whether the newer one is as it was. */
inline look()
{
	d_step {
		looked[me] = 0;
		same = disk[newest].epoch == seen.epoch && disk[newest].session == seen.session &&
		       disk[newest].generation == seen.generation
	}
}

/* Gives the next superblock to the disk. */
inline give()
{
	flying[me].epoch = epoch;
	flying[me].generation = seen.generation + 1;
	flying[me].session = session;
	flying[me].holds = seen.holds + more;
	busy[me] = true;
	age[me] = 0;
	given[me] = 0
}

/* The superblock that was given to the disk is there. */
inline land()
{
	d_step {
		busy[me] = false;
		take(disk[flying[me].generation % 2], flying[me]);
		take(seen, flying[me])
	}
}

#ifdef BROKEN_WINDOW
#define in_time true
#else
#define in_time (looked[me] <= WINDOW)
#endif

proctype host(byte me; byte session)
{
	super seen;
	byte epoch, more, boots;
	bool same, settles, was_stale;

boot:
	skip;
	d_step {
		holds[me] = false;
		take(seen, disk[newest]);
		looked[me] = 0;
		since[me] = 0;
		more = 0;
		settles = me != 0
	};
	if
	:: seen.generation + 3 > LAST -> goto end
	:: else -> skip
	fi;
	if
	:: me == 0 && seen.session >= 10 -> goto end /* another host has it, and this one only waits */
	:: me != 0 -> /* watches */
		do
		:: look();
			if
			:: !same -> goto end
			:: same && since[me] > WATCH -> break
			:: else -> skip
			fi
		od
	:: else -> skip
	fi;
	epoch = seen.epoch + 1;
again: /* two superblocks make the store this host's */
	skip;
	look();
	if
	:: !same -> goto end
	:: else -> skip
	fi;
	atomic {
		if
		:: in_time -> give()
		:: else -> goto again
		fi
	};
	land();
	if
#ifndef BROKEN_WAIT
	:: settles -> since[me] = 0; since[me] >= WAIT
#endif
	:: !settles -> skip
#ifdef BROKEN_WAIT
	:: settles -> skip
#endif
	fi;
#ifndef BROKEN_BACK
	look();
	if
	:: !same -> goto end
	:: else -> skip
	fi;
#endif
second:
	skip;
	look();
	if
	:: !same -> goto end
	:: else -> skip
	fi;
	atomic {
		if
		:: in_time -> give()
		:: else -> goto second
		fi
	};
	land();
	d_step {
		assert(seen.holds >= answered);
		holds[me] = true;
		more = 1
	};
	do /* commits */
	:: seen.generation >= LAST -> goto end
	:: me == 0 && boots == 0 && seen.generation + 3 <= LAST ->
		boots++; session++; goto boot
	:: seen.generation < LAST ->
		d_step {
			was_stale = stale(me) || !holds[me];
#ifndef BROKEN_STALE
			holds[me] = !was_stale /* else it serves again only when this is proved */
#endif
		};
#ifndef BROKEN_STALE
		look();
		if
		:: !same -> break
		:: else -> skip
		fi;
#endif
		atomic {
			if
#ifdef BROKEN_STALE
			:: was_stale = false; give()
#else
			:: !was_stale && !stale(me) -> give()
			:: was_stale && in_time -> give()
			:: else -> goto commits_on
#endif
			fi
		};
		land();
		if
		:: was_stale -> since[me] = 0; since[me] >= WAIT; look();
			if
			:: !same -> break
			:: else -> skip
			fi
		:: else -> skip
		fi;
		d_step {
			assert(seen.holds > answered);
			answered = seen.holds;
			holds[me] = true
		};
commits_on:
		skip
	od;
end:
	holds[me] = false
}

active proctype clock()
{
	byte h;

end:
	do
	:: d_step {
		(!busy[0] || age[0] == 0) && (!busy[1] || age[1] == 0) ->
		h = 0;
		do
		:: h == HOSTS -> break
		:: h < HOSTS ->
			grow(looked[h]);
			grow(given[h]);
			grow(since[h]);
			age[h] = busy[h];
			h++
		od;
		h = 0
	}
	od
}

init {
	d_step {
		disk[0].epoch = 1; disk[0].generation = 0; disk[0].session = 0 /* of an earlier boot of host 0 */;
		disk[1].epoch = 0
	};
	atomic {
		run host(0, 1);
		run host(1, 10)
	}
}

ltl one_serves { [] !(serves(0) && serves(1)) }
