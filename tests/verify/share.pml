/* SPDX-License-Identifier: MIT */
/*
 * The object lock (kernel/object/object_lock.c): two CPUs share the objects now and then, two others want
 * them alone. Nobody has them alone while another has or shares them, and each gets them in the
 * end, however often the others come. BROKEN shows that the model notices.
 */
byte tickets, served;   /* object_turn */
bool alone;             /* object_alone */
bool shares[2];         /* struct cpu: shares */
byte sharing;           /* CPUs that are inside */
byte owners;

#define TURNS 4

inline take_turn() { atomic { mine = tickets; tickets = (tickets + 1) % TURNS }; served == mine }
inline end_turn() { served = (served + 1) % TURNS }

proctype sharer(byte id)
{
	byte mine;

	do
	:: true ->
		shares[id] = true;
#ifdef BROKEN /* without a look */
		skip;
#else
		if
		:: alone ->
			shares[id] = false;
			take_turn();
			shares[id] = true;
			end_turn()
		:: else
		fi;
#endif
		sharing++;
		assert(owners == 0);
inside:		sharing--;
		shares[id] = false
	od
}

proctype owner()
{
	byte mine;

	do
	:: true ->
		take_turn();
		alone = true;
		!shares[0];
		!shares[1];
		owners++;
		assert(owners == 1 && sharing == 0);
inside:		owners--;
		alone = false;
		end_turn()
	od
}

init {
	atomic { run sharer(0); run sharer(1); run owner(); run owner() }
}

ltl each {
	[] <> (sharer[1]@inside) && [] <> (owner[3]@inside)
}
