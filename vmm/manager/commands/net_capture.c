/* SPDX-License-Identifier: MIT */
/*
 * The command `net capture`: shows the frames on a network, or gives them as blocks of a pcapng
 * file. Run by command.c; net/capture.c owns the port. Keeps the one capture's limits.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/net/capture.h"
#include "vmm/manager/text/base64.h"
#include "vmm/manager/text/parse_address.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/clock.h"

#define SECONDS_MAX 86400u
#define FRAMES_MAX  1000000000u
#define LOOK_NS	    (20 * NS_PER_MS)
/*
 * The most frames taken in a turn: frames that the filter leaves out need no room in the answer, so
 * lack of room would not end the turn.
 */
#define TURN_FRAMES 64u
#define TYPE_AT	    12u

/* State of the one capture. */
static struct capture_run {
	/*
	 * number of this capture, which equals the reply's `shown` unless another has begun since
	 */
	u64 number;
	u64 until_tsc;
	u64 left; /* number of frames still to be shown */
	u64 start_ns;
	u64 start_tsc;
} current;

static u64 command_net_capture_now_ns(void)
{
	return current.start_ns + clock_tsc_to_ns(clock_tsc() - current.start_tsc);
}

static void command_net_capture_show_block(struct reply *reply, const u8 *block, u32 bytes)
{
	char text[BASE64_BYTES(PCAPNG_BLOCK_BYTES)];

	base64_text(block, bytes, text);
	reply_object_begin(reply);
	json_string(&reply->object, "pcapng", text);
	reply_object_end(reply);
}

static u64 command_net_capture_mac_at(const u8 *bytes)
{
	u64 mac = 0;

	memcpy(&mac, bytes, NET_MAC_BYTES);
	return mac;
}

/* Shows a frame: a line for people, or a block of a file for programs. */
static void command_net_capture_show_frame(struct reply *reply, const u8 *frame, u32 kept,
					   u32 length)
{
	u8 block[PCAPNG_BLOCK_BYTES];
	char from[MAC_TEXT_BYTES];
	char to[MAC_TEXT_BYTES];
	u64 time_ns = command_net_capture_now_ns();

	if (reply->json) {
		command_net_capture_show_block(reply, block,
					       pcapng_frame(block, time_ns, frame, kept, length));
		return;
	}
	address_format_mac(command_net_capture_mac_at(frame), to);
	address_format_mac(command_net_capture_mac_at(frame + NET_MAC_BYTES), from);
	reply_line(reply, "%6llu.%06llu %s > %s type %02x%02x, %u bytes",
		   (unsigned long long)((time_ns - current.start_ns) / NS_PER_S),
		   (unsigned long long)((time_ns - current.start_ns) % NS_PER_S / NS_PER_US), from,
		   to, frame[TYPE_AT], frame[TYPE_AT + 1], length);
}

static bool command_net_capture_resume(struct reply *reply)
{
	u8 frame[PCAPNG_SNAP_BYTES];
	u32 count = 0;
	u32 length;
	u32 kept;

	if (reply->shown != current.number)
		return true;
	capture_keep();
	for (; count < TURN_FRAMES && current.left != 0; count++) {
		if (reply_room(reply) <= REPLY_LINE_BYTES || !capture_take(frame, &kept, &length))
			break;
		command_net_capture_show_frame(reply, frame, kept, length);
		current.left--;
	}
	reply->deadline_tsc = clock_tsc();
	if (count < TURN_FRAMES)
		reply->deadline_tsc += clock_ns_to_tsc(LOOK_NS);
	if (current.left != 0 && clock_tsc() < current.until_tsc)
		return false;
	capture_end();
	return true;
}

static int command_net_capture_find(const char *name)
{
	for (u32 i = 0; net_at(i) != NULL; i++) {
		const struct config_section *section = &net_at(i)->config->section;

		if (section->declared && string_equal(section->name, name))
			return (int)i;
	}
	return -1;
}

static bool command_net_capture_take_number(struct reply *reply, const char *word, u64 most,
					    const char *what, u64 *number)
{
	char shown[40];

	if (parse_u64(text_of(word), number) && *number != 0 && *number <= most)
		return true;
	reply_bad(reply, "\"%s\" is not valid; use %s from 1 to %llu",
		  text_show(shown, sizeof(shown), text_of(word)), what, (unsigned long long)most);
	return false;
}

static void command_net_capture_begin(struct reply *reply, const char *name,
				      struct capture_run wanted)
{
	u8 block[PCAPNG_BLOCK_BYTES];

	wanted.number = current.number + 1;
	wanted.start_tsc = clock_tsc();
	wanted.start_ns = machine_wall_seconds(wanted.start_tsc) * NS_PER_S;
	current = wanted;
	if (reply->json)
		command_net_capture_show_block(reply, block, pcapng_begin(block, name));
	reply->shown = current.number;
	reply->resume = command_net_capture_resume;
}

static void command_net_capture_run(struct reply *reply, const struct arguments *arguments)
{
	char problem[DRIVER_TEXT_BYTES];
	char shown[40];
	int net = command_net_capture_find(arguments->word[0]);
	struct capture_run wanted = {.left = FRAMES_MAX};
	u64 seconds;

	if (net < 0) {
		reply_fail(reply, CODE_NOT_FOUND,
			   "there is no network \"%s\", `net list` shows them",
			   text_show(shown, sizeof(shown), text_of(arguments->word[0])));
		return;
	}
	if (!command_net_capture_take_number(reply, arguments->word[1], SECONDS_MAX,
					     "a number of seconds", &seconds) ||
	    (arguments->count > 2 &&
	     !command_net_capture_take_number(reply, arguments->word[2], FRAMES_MAX,
					      "a number of frames", &wanted.left)))
		return;
	wanted.until_tsc = clock_tsc() + clock_ns_to_tsc(seconds * NS_PER_S);
	if (capture_begin((u32)net, problem, sizeof(problem)))
		command_net_capture_begin(reply, arguments->word[0], wanted);
	else
		reply_error(reply, "%s: %s", arguments->word[0], problem);
}

COMMAND(net_capture,
	.name = "net capture",
	.right = MAY_INSPECT,
	.arguments = "NAME SECONDS [FRAMES]",
	.summary = "shows the frames on a network",
	.detail = "It goes on for SECONDS, or until FRAMES of them are shown. In JSON each\n"
		  "object has a block of a pcapng file in base64: decoded and put together they\n"
		  "are a file for tcpdump or tshark. Of a frame the first 2048 bytes are kept.\n"
		  "A frame that is to be cut into segments is shown before that. What the\n"
		  "reader is too slow for is lost.",
	.example = "net capture lan 10 100",
	.keys = "pcapng",
	.run = command_net_capture_run,
	.minimum = 2,
	.maximum = 3,
	.changes = true,
	.audited = true);
