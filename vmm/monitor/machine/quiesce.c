/* SPDX-License-Identifier: MIT */
/*
 * Freezes the guest's file systems by QEMU's guest agent, for a snapshot or backup, and thaws them.
 * Called by command.c, handover.c and todo.c, and by console.c with what comes from the agent's
 * port, all under the machine's lock. Owns machine->quiesce; writes the channel's `quiesce`.
 */
#include "vmm/monitor/machine/quiesce.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/monitor/machine/console.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/virtio/virtio_console.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

/* The agent's own name of the port, by which udev starts it. */
#define QUIESCE_PORT "org.qemu.guest_agent.0"
/* The time in which an agent that reads its port answers a thaw. */
#define QUIESCE_THAW_NS (10 * NS_PER_S)
#define DELIMITER	0xffu
#define DIGITS_MAX	9u

static void quiesce_tell(struct machine *machine, enum quiesce_state state, u32 frozen)
{
	machine->channel->quiesce_frozen = frozen;
	__atomic_store_n(&machine->channel->quiesce, state, __ATOMIC_RELEASE);
	machine->signal = true;
	console_signal(machine);
}

static u32 quiesce_find_port(const struct machine *machine)
{
	for (u32 i = 1; i < CHANNEL_STREAM_MAX; i++) {
		if (string_equal(machine->port_name[i], QUIESCE_PORT))
			return i;
	}
	return 0;
}

static bool quiesce_is_open(const struct machine *machine)
{
	const struct quiesce *quiesce = &machine->quiesce;

	return machine->platform.virtio_console != NULL && quiesce->port != 0 &&
	       virtio_console_is_open(machine->platform.virtio_console, quiesce->port);
}

bool quiesce_send(struct machine *machine, u32 port)
{
	struct quiesce *quiesce = &machine->quiesce;

	if (likely(quiesce->phase == QUIESCE_IDLE) || port != quiesce->port)
		return false;
	if (!quiesce_is_open(machine)) {
		/* An agent that has ended may have lost the thaw; the next one gets it anew. */
		if (quiesce->phase == QUIESCE_THAWS)
			quiesce->sent = 0;
		return true;
	}
	if (quiesce->sent == quiesce->request_bytes) {
		if (quiesce->phase == QUIESCE_THAWS && clock_tsc() >= quiesce->until_tsc)
			quiesce->phase = QUIESCE_IDLE;
		return quiesce->phase != QUIESCE_IDLE;
	}
	quiesce->sent += virtio_console_input(machine->platform.virtio_console, port,
					      (const u8 *)quiesce->request + quiesce->sent,
					      quiesce->request_bytes - quiesce->sent);
	if (quiesce->phase == QUIESCE_THAWS)
		quiesce->until_tsc = clock_tsc() + clock_ns_to_tsc(QUIESCE_THAW_NS);
	return true;
}

void quiesce_begin(struct machine *machine)
{
	struct quiesce *quiesce = &machine->quiesce;

	if (quiesce->phase == QUIESCE_THAWS && quiesce_is_open(machine) &&
	    clock_tsc() < quiesce->until_tsc) {
		quiesce_tell(machine, QUIESCE_STATE_BUSY, 0);
		return;
	}
	quiesce->port = quiesce_find_port(machine);
	if (!quiesce_is_open(machine)) {
		/* a thaw that an ended agent has not got is still to be sent to the next one */
		quiesce_tell(machine, QUIESCE_STATE_CLOSED, 0);
		return;
	}
	quiesce->number = (u32)clock_tsc() % 1000000000;
	quiesce->answers = 2;
	quiesce->length = 0;
	quiesce->skips = true;
	quiesce->sent = 0;
	quiesce->phase = QUIESCE_SYNCS;
	/* the delimiter ends what another client may have left half written */
	format(quiesce->request, sizeof(quiesce->request),
	       "\xff{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":%u}}\n"
	       "{\"execute\":\"guest-fsfreeze-freeze\"}\n",
	       quiesce->number);
	quiesce->request_bytes = (u32)strnlen(quiesce->request, sizeof(quiesce->request));
	quiesce_tell(machine, QUIESCE_STATE_ASKED, 0);
	(void)quiesce_send(machine, quiesce->port);
}

void quiesce_thaw(struct machine *machine)
{
	struct quiesce *quiesce = &machine->quiesce;

	if (quiesce->phase == QUIESCE_IDLE || quiesce->phase == QUIESCE_THAWS)
		return;
	if (quiesce->sent == 0) { /* the agent was never asked to freeze anything */
		quiesce_forget(machine);
		return;
	}
	if (quiesce->phase == QUIESCE_SYNCS || quiesce->phase == QUIESCE_ASKS)
		quiesce_tell(machine, QUIESCE_STATE_REFUSED, 0);
	/*
	 * A freeze of which the guest has taken a part alone is ended by the delimiter, so that it
	 * does not come after the thaw.
	 */
	format(quiesce->request, sizeof(quiesce->request),
	       "%s{\"execute\":\"guest-fsfreeze-thaw\"}\n",
	       quiesce->sent < quiesce->request_bytes ? "\xff\n" : "");
	quiesce->request_bytes = (u32)strnlen(quiesce->request, sizeof(quiesce->request));
	quiesce->sent = 0;
	quiesce->answers++;
	quiesce->phase = QUIESCE_THAWS;
	(void)quiesce_send(machine, quiesce->port);
}

void quiesce_forget(struct machine *machine)
{
	struct quiesce *quiesce = &machine->quiesce;

	if (quiesce->phase == QUIESCE_SYNCS || quiesce->phase == QUIESCE_ASKS)
		quiesce_tell(machine, QUIESCE_STATE_REFUSED, 0);
	quiesce->phase = QUIESCE_IDLE;
}

/* Reads {"return":N}, whose blanks were left out; returns false if the line is anything else. */
static bool quiesce_number(const struct quiesce *quiesce, u32 *number)
{
	static const char begin[] = "{\"return\":";
	u32 at = sizeof(begin) - 1;
	u32 digits = 0;

	*number = 0;
	if (quiesce->length <= at || memcmp(quiesce->line, begin, at) != 0)
		return false;
	for (; at < quiesce->length && quiesce->line[at] >= '0' && quiesce->line[at] <= '9'; at++) {
		if (++digits > DIGITS_MAX)
			return false;
		*number = *number * 10 + (u32)(quiesce->line[at] - '0');
	}
	return digits > 0 && at + 1 == quiesce->length && quiesce->line[at] == '}';
}

/* Takes a whole line of the agent's, which may be an answer. */
static void quiesce_take_line(struct machine *machine)
{
	struct quiesce *quiesce = &machine->quiesce;
	u32 number;
	bool good = quiesce_number(quiesce, &number);

	switch ((enum quiesce_phase)quiesce->phase) {
	case QUIESCE_SYNCS:
		if (!good || number != quiesce->number) {
			quiesce->skips = true;
			return;
		}
		quiesce->answers--;
		quiesce->phase = QUIESCE_ASKS;
		return;
	case QUIESCE_ASKS:
		quiesce->answers--;
		quiesce->phase = QUIESCE_HAS;
		quiesce_tell(machine, good ? QUIESCE_STATE_FROZEN : QUIESCE_STATE_REFUSED,
			     good ? number : 0);
		return;
	case QUIESCE_THAWS:
		/* the last answer is the thaw's, which cannot come before the thaw has gone */
		if (quiesce->answers > 1)
			quiesce->answers--;
		else if (quiesce->sent == quiesce->request_bytes)
			quiesce->phase = QUIESCE_IDLE;
		return;
	default: /* nothing is awaited */
		return;
	}
}

bool quiesce_take(struct machine *machine, u32 port, u8 byte)
{
	struct quiesce *quiesce = &machine->quiesce;

	if (likely(quiesce->phase == QUIESCE_IDLE) || port != quiesce->port)
		return false;
	if (quiesce->phase == QUIESCE_THAWS && quiesce->sent == quiesce->request_bytes &&
	    clock_tsc() >= quiesce->until_tsc) {
		quiesce->phase = QUIESCE_IDLE;
		return false;
	}
	if (byte == DELIMITER) {
		quiesce->skips = false;
		quiesce->length = 0;
	} else if (quiesce->skips || byte == ' ' || byte == '\t' || byte == '\r') {
		return true;
	} else if (byte != '\n') {
		/* a line that is too long stays too long, as its last byte is not kept */
		if (quiesce->length < QUIESCE_LINE_BYTES)
			quiesce->line[quiesce->length++] = (char)byte;
	} else if (quiesce->length > 0) {
		quiesce_take_line(machine);
		quiesce->length = 0;
	}
	return true;
}
