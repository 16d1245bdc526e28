/* SPDX-License-Identifier: MIT */
/*
 * Detects loops among ports by probes and blocks one port of each (loop.h). Called by main.c as
 * time passes, by port.c as ports change, and by forward.c for each received probe. Owns the ports'
 * listening and blocking states.
 */
#include "vmm/switch/loop.h"

#include "vmm/io/bytes.h"
#include "vmm/rt/clock.h"
#include "vmm/switch/deliver.h"
#include "vmm/switch/mac_table.h"

/*
 * A probe goes to a group address that bridges forward, from an address of the port's own, so that
 * no bridge sees one address in two places; both addresses are locally administered. Its body names
 * the port that sent it.
 */
#define PROBE_BYTES 60u
/* Ethernet type of probes, which IEEE 802 reserves for experiments (9.2.3) */
#define PROBE_TYPE 0x88b5u
/* the group MAC address to which probes go: 03, then text; the first byte lowest */
#define PROBE_GROUP 0x796b53524503ull
/* the MAC address that sends probes: 02, then text, then the port's number (0 here) */
#define PROBE_SOURCE	0x00796b535202ull
#define PROBE_SOURCE_AT NET_MAC_BYTES
#define PROBE_NUMBER_AT 14u
#define PROBE_SECRET_AT 16u
#define PROBE_TEXT_AT	24u

/*
 * Mask of the TSC's bits that lengthen the blocking time, in seconds, so that two hosts whose
 * switches have blocked the same loop do not open it at the same moment again and again.
 */
#define HOLD_MORE_MASK 3u

static u64 next_tick = ~0ull;

static bool loop_is_uplink(const struct port *port)
{
	return (port->flags & NET_PORT_UPLINK) != 0;
}

static void loop_set_state(struct port *port, enum net_port_state state, u32 with)
{
	bool same = port->state == state && port->with == with;

	port->state = (u8)state;
	port->with = (u8)with;
	if (state == NET_PORT_OPEN)
		port->flags &= ~(u32)NET_PORT_BLOCKED;
	else
		port->flags |= NET_PORT_BLOCKED;
	__atomic_store_n(port->shown, (u16)(state | with << NET_PORT_WITH_SHIFT), __ATOMIC_RELAXED);
	if (same)
		return;
	if (state == NET_PORT_OPEN && loop_is_uplink(port))
		port_sets.announce |= BIT(port->index);
	if (state != NET_PORT_OPEN)
		mac_table_forget_learnt(port->index);
	switch_tell_manager();
}

static bool loop_has_open_uplink(void)
{
	for (u64 set = port_sets.holders; set != 0; set &= set - 1) {
		const struct port *port = &ports[bit_lowest(set)];

		if (loop_is_uplink(port) && port->state == NET_PORT_OPEN)
			return true;
	}
	return false;
}

static void loop_hold(struct port *port, u64 now)
{
	port->until = now + clock_ns_to_tsc(LOOP_HOLD_NS);
}

/* Makes loop_tick have work at once if two ports or more could form a loop, else never. */
static void loop_look_at_once(void)
{
	next_tick = (port_sets.holders & (port_sets.holders - 1)) != 0 ? 0 : ~0ull;
}

static void loop_come_up(struct port *port)
{
	bool listens = loop_is_uplink(port) && loop_has_open_uplink();

	loop_hold(port, clock_tsc());
	loop_set_state(port, listens ? NET_PORT_LISTENS : NET_PORT_OPEN, 0);
	loop_look_at_once();
}

/*
 * Opens the first of the ports that were blocked or listening because of the port `gone`; the
 * others of these then listen for its probes.
 */
static void loop_stand_in_for(const struct port *gone)
{
	for (u64 set = port_sets.holders & ~BIT(gone->index); set != 0; set &= set - 1) {
		struct port *port = &ports[bit_lowest(set)];

		if ((port->state == NET_PORT_LOOPED && port->with == gone->index) ||
		    (port->state == NET_PORT_LISTENS && !loop_has_open_uplink()))
			loop_come_up(port);
	}
}

void loop_come(struct port *port)
{
	if (loop_is_uplink(port))
		port->state = NET_PORT_DOWN;
	if (loop_is_uplink(port) && port->given.port.down != 0)
		loop_set_state(port, NET_PORT_DOWN, 0);
	else
		loop_come_up(port);
}

void loop_leave(struct port *port)
{
	port->state = NET_PORT_DOWN;
	loop_stand_in_for(port);
	loop_look_at_once();
}

void loop_set_down(struct port *port, bool down)
{
	if (!loop_is_uplink(port) || (port->state == NET_PORT_DOWN) == down)
		return;
	if (!down) {
		/* the port's card may have a driver that was started anew */
		port_renew(port);
		loop_come_up(port);
		return;
	}
	loop_set_state(port, NET_PORT_DOWN, 0);
	loop_stand_in_for(port);
}

static const struct port *loop_sender_of(const struct packet *packet)
{
	const struct port *port;
	u64 secret;
	u32 number;

	if (packet->type != PROBE_TYPE || packet->head_bytes < PROBE_TEXT_AT ||
	    bytes_get_mac(packet->head) != PROBE_GROUP)
		return NULL;
	number = bytes_get16(packet->head + PROBE_NUMBER_AT);
	__builtin_memcpy(&secret, packet->head + PROBE_SECRET_AT, sizeof(secret));
	if (number >= NET_PORT_MAX || (port_sets.holders & BIT(number)) == 0)
		return NULL;
	port = &ports[number];
	return secret == port->given.port.secret ? port : NULL;
}

/*
 * Returns true if `port` is to stay open rather than `than`: an uplink before any other port, else
 * the port with the lower number.
 */
static bool loop_counts_more(const struct port *port, const struct port *than)
{
	return loop_is_uplink(port) != loop_is_uplink(than) ? loop_is_uplink(port)
							    : port->index < than->index;
}

static void loop_block(struct port *port, const struct port *because_of)
{
	u64 now = clock_tsc();

	loop_hold(port, now);
	port->until += (now & HOLD_MORE_MASK) * clock_ns_to_tsc(NS_PER_S);
	loop_set_state(port, NET_PORT_LOOPED, because_of->index);
}

/* Returns true if the switch forwards frames between the two ports. */
static bool loop_form(const struct port *one, const struct port *other)
{
	return one != other && one->vlan == other->vlan &&
	       (one->flags & other->flags & NET_PORT_PRIVATE) == 0;
}

bool loop_take_probe(const struct packet *packet)
{
	const struct port *sender = loop_sender_of(packet);
	struct port *here = packet->from;

	if (sender == NULL)
		return false;
	if ((port_sets.holders & BIT(here->index)) == 0 || sender->state != NET_PORT_OPEN ||
	    here->state == NET_PORT_DOWN || !loop_form(sender, here))
		return true;
	if (here->state == NET_PORT_OPEN && loop_counts_more(here, sender))
		loop_block(&ports[sender->index], here);
	else
		loop_block(here, sender);
	return true;
}

static void loop_send_probe(struct port *port)
{
	static const char text[] = "a probe for loops, of Skerry";
	/* two spare bytes, as bytes_get_mac reads beyond the last address */
	u8 frame[PROBE_BYTES + 2] = {0};
	struct packet packet = {.from = port,
				.head = frame,
				.head_bytes = PROBE_BYTES,
				.bytes = PROBE_BYTES,
				.vlan = port->vlan};

	bytes_put_mac(frame, PROBE_GROUP);
	bytes_put_mac(frame + PROBE_SOURCE_AT, PROBE_SOURCE | (u64)port->index << 40);
	bytes_put16(frame + ETHER_TYPE_AT, PROBE_TYPE);
	bytes_put16(frame + PROBE_NUMBER_AT, (u16)port->index);
	__builtin_memcpy(frame + PROBE_SECRET_AT, &port->given.port.secret, sizeof(u64));
	__builtin_memcpy(frame + PROBE_TEXT_AT, text, sizeof(text));
	deliver(port, &packet);
}

void loop_tick(u64 now)
{
	if (now < next_tick)
		return;
	loop_look_at_once();
	if (next_tick == 0)
		next_tick = now + clock_ns_to_tsc(LOOP_PROBE_NS);
	for (u64 set = port_sets.holders; set != 0; set &= set - 1) {
		struct port *port = &ports[bit_lowest(set)];

		if ((port->state == NET_PORT_LISTENS || port->state == NET_PORT_LOOPED) &&
		    now >= port->until)
			loop_set_state(port, NET_PORT_OPEN, 0);
		if (next_tick != ~0ull && port->state == NET_PORT_OPEN)
			loop_send_probe(port);
	}
}

u64 loop_deadline(void)
{
	return next_tick;
}
