/* SPDX-License-Identifier: MIT */
/*
 * A driver dies with a read under way (vmm/manager/driver/driver.c: ended, launch; driver_link.c:
 * prepare; the monitor's disk_client.c): its device is detached, which the IOMMU confirms, before
 * the next process gets the link, and the client asks again only what was not answered in this
 * generation. Nothing that the device was told in an earlier life lands in memory that the guest
 * has used for something else since it got its answer; and it does get one.
 *
 * The device looks an address up first and writes later: what is between is drained by the
 * confirmation. BROKEN does not wait for it.
 */
#define DEATHS 2
#define LIVES (DEATHS + 1)

bool attached = true;
byte generation = 1;          /* the link's; the life of the driver that serves it */
byte life = 1;                /* the process there is; 0: none */
bool told[LIVES + 1];         /* the device has the request from that life */
bool looked_up[LIVES + 1];    /* ... and the address, which is the same in each life */
bool done[LIVES + 1];         /* ... and has written and said so */
byte asked;                   /* the generation in which it was asked; 0: not yet */
byte answered;                /* the generation of an answer in the link; 0: none */
bool reused;                  /* the guest has had its answer */

active proctype client()
{
	do
	:: reused -> break
	:: else ->
		if
		:: atomic { asked != generation -> asked = generation; answered = 0 } /* link_renewed */
		:: atomic { asked == generation && answered == asked -> reused = true }
		:: atomic { asked == generation && answered != asked && answered != 0 ->
			answered = 0 }                 /* of an earlier one: void */
		fi
	od
}

/* One process after another, each without what the last one knew; killed at any instruction. */
active proctype driver()
{
	byte mine;
	bool took;

	do
	:: atomic { life != 0 && life != mine -> mine = life; took = false }
	:: atomic { life == mine && generation == mine && asked == mine && !took ->
		took = true; told[mine] = true }
	:: atomic { life == mine && done[mine] && answered == 0 -> done[mine] = false;
		answered = mine }
	:: reused -> break
	od
}

#define LOOKS_UP(i) \
	atomic { attached && told[i] -> told[i] = false; looked_up[i] = true }
#define WRITES(i) \
	atomic { looked_up[i] -> assert(!reused); looked_up[i] = false; done[i] = true }

/* What it was told it does, whoever lives. */
active proctype device()
{
end:	do
	:: LOOKS_UP(1)
	:: LOOKS_UP(2)
	:: LOOKS_UP(3)
	:: WRITES(1)
	:: WRITES(2)
	:: WRITES(3)
	od
}

active proctype manager()
{
	byte deaths;

	do
	:: deaths < DEATHS && !reused ->
		life = 0;                      /* the process ends */
		attached = false;
#ifndef BROKEN
		/* the confirmation, with drain */
		!(looked_up[1] || looked_up[2] || looked_up[3]);
#endif
		deaths++;
		told[deaths] = false;          /* quiet, and reset */
		attached = true;
		life = deaths + 1;
		generation = deaths + 1        /* driver_link_renew */
	:: break
	od
}

ltl answered_once { <> reused }
