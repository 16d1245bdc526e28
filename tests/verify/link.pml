/* SPDX-License-Identifier: MIT */
/*
 * A link's wake-up is never lost (vmm/io/link.c): one end writes and sleeps while the ring is full,
 * the other reads and sleeps while it is empty. Each shows its index, then looks whether the peer
 * wants to be told; the peer says from where on it wants to be, then looks once more, then sleeps.
 *
 * Each statement is one access to shared memory; the fences between them make them sequentially
 * consistent, as Promela's are. Signals are events: one that comes early is kept.
 * BROKEN sleeps without the second look.
 */
#define UNITS 5
#define SIZE 2
#define NEVER 255

byte written, wake_at;        /* the writer's line, the reader's wish: link_may_wait */
byte read;                    /* the reader's line */
byte room_at = NEVER;         /* the writer's wish: link_await_room */
bool bell, doorbell;          /* events: of the writer, of the reader */
byte taken;

/* passes(): whether the index at which the peer wants to be told is among the new ones */
#define PASSES(event, from, to) ((event) >= (from) && (event) < (to))

proctype writer()
{
	byte sent, shown, event, seen;

	do
	:: sent == UNITS -> break
	:: else ->
		seen = read;                           /* link_room */
		if
		:: sent - seen < SIZE ->
			do
			:: sent < UNITS && sent - seen < SIZE -> sent++
			:: sent > shown -> break       /* one, or some at once */
			od;
			written = sent;                /* link_publish */
			event = wake_at;
			if
			:: PASSES(event, shown, sent) -> doorbell = true
			:: else
			fi;
			shown = sent
		:: else ->
			/* one unit free: when the peer has read beyond this */
			room_at = sent - SIZE;         /* link_await_room */
#ifndef BROKEN
			seen = read;
#endif
			if
			:: sent - seen < SIZE
			:: else -> atomic { bell -> bell = false }
			fi
		fi
	od
}

proctype reader()
{
	byte shown, event, seen;

	do
	:: taken == UNITS -> break
	:: else ->
		seen = written;                        /* link_waiting */
		if
		:: taken < seen ->
			do
			:: taken < seen -> taken++
			:: taken > shown -> break
			od;
			read = taken;                  /* link_publish */
			event = room_at;
			if
			:: PASSES(event, shown, taken) -> bell = true
			:: else
			fi;
			shown = taken
		:: else ->
			wake_at = taken;               /* link_may_wait */
#ifndef BROKEN
			seen = written;
#endif
			if
			:: taken < seen
			:: else -> atomic { doorbell -> doorbell = false }
			fi
		fi
	od
}

init {
	atomic { run writer(); run reader() }
}

/* All arrive; and nobody is left asleep, which Spin says of an invalid end state. */
ltl arrives { <> (taken == UNITS) }
