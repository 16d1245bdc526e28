/* SPDX-License-Identifier: MIT */
/*
 * The life of a network card's driver: starts the card and moves frames between it and the switch.
 * Each card driver's program runs it; it calls the card through `card_ops`. Owns one end of the
 * link to the switch, as a client of the switch, and the counters shown to the manager.
 */
#include "vmm/driver/net/card.h"

#include "lib/string.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/syscall.h"

/*
 * The interval at which the driver polls a card: one that interrupts, as an interrupt may get lost,
 * and one that does not.
 */
#define LOOK_NS	  NS_PER_S
#define NO_IRQ_NS NS_PER_MS
/*
 * A card hangs if its link is up and it has taken no frame to send for this time although frames
 * wait.
 */
#define STUCK_NS    (5 * NS_PER_S)
#define MTU_DEFAULT 1500u
/* The number of frames sent to the card in a row, before received frames get their turn. */
#define SEND_MAX 64u

enum { KEY_SWITCH = PROCESS_OTHERS };

static struct driver_channel *channel;
static struct link_end end;
static handle_t doorbell; /* the event by which the card's driver signals the switch */
static u32 frame_max;
static bool blocked; /* the card has no room for the next frame to send */
/* the TSC since when the card has taken no frame to send although frames wait */
static u64 blocked_tsc;
static u64 look_tsc; /* the TSC at which the driver next asks the card for its state */

void card_count_error(void)
{
	channel->card.errors++;
}

void card_receive(const u8 *frame, u32 bytes, u8 flags)
{
	const struct frame_header header = {.bytes = bytes, .flags = flags & (u8)FRAME_CHECKED};
	u8 *room;

	if (bytes < FRAME_BYTES_MIN || bytes > frame_max) {
		card_count_error();
		return;
	}
	room = frames_reserve(&end, bytes);
	if (room == NULL) {
		channel->card.dropped++;
		return;
	}
	memcpy(room, frame, bytes);
	frames_add(&end, &header);
	channel->card.received_frames++;
}

void card_link(bool up, u32 megabits)
{
	if (channel->card.link_up == up && channel->card.megabits == megabits)
		return;
	channel->card.link_up = up;
	channel->card.megabits = megabits;
	process_tell_manager();
}

/*
 * Returns whether the card can send the frame unchanged: the driver has the card compute no
 * checksums and split no frames, as the switch does both.
 */
static bool card_may_go_out(const struct frame_header *header)
{
	return channel->card.link_up && header->bytes <= frame_max &&
	       (header->flags & FRAME_NEEDS_CHECKSUM) == 0 && header->segments == FRAME_WHOLE;
}

/* Sends one frame. Returns false if the card has no room; the frame then stays in the link. */
static bool card_send_one(const struct frame_header *header, const u8 *frame)
{
	if (!card_may_go_out(header)) {
		card_count_error();
	} else if (card_ops.transmit(frame, header->bytes)) {
		channel->card.sent_frames++;
		channel->finished++;
	} else {
		return false;
	}
	frames_drop(&end, header);
	return true;
}

static void card_note_blocked(bool now)
{
	if (now && !blocked)
		blocked_tsc = clock_tsc();
	blocked = now;
	if (blocked && channel->card.link_up &&
	    clock_tsc() - blocked_tsc > clock_ns_to_tsc(STUCK_NS))
		driver_give_up("the card has sent nothing for %llu seconds",
			       (unsigned long long)(STUCK_NS / NS_PER_S));
}

/* Passes frames from the link to the card. Returns true if there may be more. */
static bool card_send(void)
{
	struct frame_header header;
	const u8 *frame;
	u32 count = 0;
	bool room = true;

	while (count < SEND_MAX && frames_next(&end, &header, &frame)) {
		room = card_send_one(&header, frame);
		if (!room)
			break;
		count++;
	}
	if (count != 0)
		card_ops.flush();
	if (count != 0 && blocked)
		card_note_blocked(false);
	card_note_blocked(!room);
	return count == SEND_MAX;
}

static void card_signal_switch(void)
{
	(void)sys_event_signal(doorbell);
}

/*
 * Returns whether the driver may sleep. While frames wait for room in the card, the switch need not
 * signal new ones.
 */
static bool card_may_wait(void)
{
	return (blocked || link_may_wait(&end)) && card_ops.may_wait();
}

static bool card_must_look(void)
{
	return clock_tsc() >= look_tsc;
}

static void card_looked(void)
{
	u64 ns = process_has_interrupt() ? LOOK_NS : NO_IRQ_NS;

	look_tsc = clock_tsc() + clock_ns_to_tsc(ns);
}

static void card_open_link(void)
{
	const struct start_entry *link = start_find(START_NET);
	handle_t bell = start_handle(START_NET_BELL);

	doorbell = start_handle(START_NET_DOORBELL);
	if (link == NULL || bell == HANDLE_NONE || doorbell == HANDLE_NONE)
		driver_give_up("there is no network that it could be for");
	if (sys_object_bind(bell, process_queue(), KEY_SWITCH) != STATUS_OK)
		driver_give_up("no signal of the switch can be received");
	frames_open(&end, (struct link_memory *)(uintptr_t)link->offset, LINK_CLIENT);
}

static void card_start(void)
{
	struct card card = {.mtu = (u32)start_info->parameter[DRIVER_MTU]};
	char problem[DRIVER_TEXT_BYTES] = "";

	if (card.mtu == 0)
		card.mtu = MTU_DEFAULT;
	if (card.mtu > NET_MTU_MAX)
		driver_give_up("an MTU of %u is too large; use at most %u", card.mtu, NET_MTU_MAX);
	frame_max = card_frame_bytes(card.mtu);
	if (!card_ops.start(&card, problem, sizeof(problem)))
		driver_give_up("%s", problem);
	channel->card.mac = card.mac;
	string_copy(channel->model, sizeof(channel->model), card.model);
	process_ready();
}

/* Does one turn of the loop in main. Returns true if the next turn shall follow at once. */
static bool card_turn(bool interrupted)
{
	bool look = interrupted || card_must_look();
	bool more;

	if (link_renewed(&end)) {
		blocked = false;
		card_signal_switch();
	}
	more = card_ops.poll(look);
	if (look)
		card_looked();
	if (interrupted)
		process_interrupt_taken();
	more |= card_send();
	if (link_publish(&end))
		card_signal_switch();
	return more;
}

int main(void)
{
	bool interrupted = false;

	channel = process_open();
	card_open_link();
	card_start();
	for (;;) {
		bool more = card_turn(interrupted);

		interrupted = false;
		if (!more && card_may_wait())
			interrupted = process_wait(look_tsc) == PROCESS_DEVICE;
	}
}
