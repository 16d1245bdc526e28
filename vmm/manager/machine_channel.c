/* SPDX-License-Identifier: MIT */
#include "vmm/manager/machine_channel.h"
#include "vmm/manager/command.h"
#include "vmm/manager/host/serial.h"
#include "vmm/manager/request.h"
#include "vmm/manager/vm/vm_events.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

#define OUTPUT_BYTES 131072u
/* A request starts when its answer surely fits; other lines wait when so much is unsent. */
#define REQUEST_ROOM (OUTPUT_BYTES / 4 * 3)
#define LINES_AHEAD  1024u
#define STREAM_BYTES (OUTPUT_BYTES / 2)	 /* of one answer: longer ones leave in pieces */
#define CLOSING_ROOM (2 * REQUEST_BYTES) /* kept for the end of an answer */
#define FLUSH_NS     NS_PER_S
#define QUOTED_BYTES (REPLY_LINE_BYTES + 1024)

struct login machine_channel_login = {.name = "machine channel", .open = true};

static bool is_open;

/* What waits to be sent. All free-running: sent <= ready <= written. */
static struct {
	u8 bytes[OUTPUT_BYTES];
	u32 written;
	u32 ready; /* up to here it may be sent: what follows can still be taken back */
	u32 sent;
} output;

/* The line being received. */
static struct {
	char bytes[REQUEST_BYTES];
	u32 length;
	bool ignored; /* up to its end: it was answered already */
	u64 lost;     /* bytes of input, as last reported */
} input;

/* The request being answered; its line stays in `input` until that is done. */
static struct {
	bool open;
	bool failed;
	bool streamed; /* a part of the answer may have been sent */
	u32 items;
	u32 start; /* of the answer in the output */
	struct request request;
	struct reply reply;
} current;

static u64 event_cursor;

static u32 room(void)
{
	return OUTPUT_BYTES - (output.written - output.sent);
}

/* All or nothing. */
static bool add(struct text text)
{
	if (room() < text.length)
		return false;
	for (size_t i = 0; i < text.length; i++)
		output.bytes[output.written++ % OUTPUT_BYTES] = (u8)text.start[i];
	return true;
}

static bool add_string(const char *string)
{
	return add(text_of(string));
}

/* Quoted for JSON; what is too long for one piece is cut. */
static bool add_quoted(struct text text)
{
	static char quoted[QUOTED_BYTES];
	struct json json;
	size_t length;

	do {
		json_start(&json, quoted, sizeof(quoted));
		json_text(&json, NULL, text);
		length = json_finish(&json);
		text.length /= 2;
	} while (length == 0);
	return add((struct text){quoted, length});
}

/* An answer that has not gone out yet becomes the error; else it ends in it. */
static void answer_error(struct text problem, const u32 *position)
{
	char number[32] = "";

	if (current.failed)
		return;
	current.failed = true;
	if (current.streamed) {
		add_string("],\"incomplete\":true");
	} else {
		output.written = current.start;
		add_string("{\"id\":");
		add(current.request.id);
		add_string(",\"status\":\"error\"");
	}
	add_string(",\"error\":");
	add_quoted(problem);
	if (position != NULL)
		format(number, sizeof(number), ",\"position\":%u", *position);
	add_string(number);
	add_string("}\n");
}

/* Only when there is something to say: until then other lines can come first. */
static bool add_header(void)
{
	return add_string("{\"id\":") && add(current.request.id) &&
	       add_string(",\"status\":\"ok\",\"result\":[");
}

static void put_reply(void *context, enum reply_kind kind, struct text text)
{
	u32 before = output.written;
	bool fits;

	(void)context;
	if (current.failed)
		return;
	if (kind == REPLY_ERROR) {
		answer_error(text, NULL);
		return;
	}
	fits = current.items == 0 ? add_header() : add_string(",");
	current.items++;
	fits = fits && (kind == REPLY_OBJECT ? add(text) : add_quoted(text));
	if (fits && room() >= CLOSING_ROOM)
		return;
	output.written = before;
	answer_error(TEXT("the answer is too long for the machine channel"), NULL);
}

static u32 reply_room_left(void *context)
{
	(void)context;
	return room() > CLOSING_ROOM ? room() - CLOSING_ROOM : 0;
}

static const struct requester machine_channel = {
	.put = put_reply,
	.room = reply_room_left,
	.login = &machine_channel_login,
	.name = "machine channel",
};

static void begin_answer(void)
{
	current.open = true;
	current.failed = false;
	current.streamed = false;
	current.items = 0;
	current.start = output.written;
}

static void end_answer(void)
{
	if (!current.failed && current.items == 0)
		add_header();
	if (!current.failed)
		add_string("]}\n");
	current.open = false;
	output.ready = output.written;
	if (current.request.is_auth)
		password_forget(input.bytes, input.length);
	input.length = 0;
}

static void answer_mistake(const char *problem, u32 position)
{
	begin_answer();
	answer_error(text_of(problem), &position);
	end_answer();
}

/* Goes on checking the password of an `auth`. */
static bool check_password(struct reply *reply)
{
	switch (login_step(&machine_channel_login)) {
	case LOGIN_CHECKING:
		return false;
	case LOGIN_WRONG:
		reply_error(reply, "auth: wrong password");
		break;
	case LOGIN_RIGHT:
		break;
	}
	return true;
}

static void run_auth(void)
{
	u64 wait_ns = login_wait_ns(&machine_channel_login);

	if (wait_ns != 0) {
		reply_error(&current.reply,
			    "auth: found too many wrong passwords, allowed: the next one in %llu s",
			    (unsigned long long)((wait_ns + NS_PER_S - 1) / NS_PER_S));
	} else if (!login_possible()) {
		reply_error(&current.reply, "auth: the password in the configuration cannot be "
					    "read: locked until the machine starts with one that "
					    "can");
	} else {
		login_try(&machine_channel_login,
			  (struct text){current.request.password, current.request.password_length});
		current.reply.resume = check_password;
		current.reply.deadline_tsc = clock_tsc(); /* each turn */
	}
	password_forget(current.request.password, sizeof(current.request.password));
}

static void run_request(void)
{
	if (current.request.is_auth)
		run_auth();
	else if (machine_channel_login.open)
		command_run(&current.reply, current.request.command);
	else
		reply_error(&current.reply, "locked, allowed: {\"id\":1,\"auth\":\"PASSWORD\"}");
}

static void run_line(void)
{
	struct text line = text_trim((struct text){input.bytes, input.length});

	if (line.length == 0) {
		input.length = 0;
		return;
	}
	if (!request_parse((struct text){input.bytes, input.length}, &current.request)) {
		answer_mistake(current.request.problem, current.request.position);
		return;
	}
	begin_answer();
	memset(&current.reply, 0, sizeof(current.reply));
	current.reply.to = &machine_channel;
	current.reply.json = true;
	run_request();
	if (current.reply.resume == NULL)
		end_answer();
}

/* A long answer leaves while the command still adds to it. */
static bool continue_command(void)
{
	if (current.reply.resume(&current.reply)) {
		end_answer();
		return true;
	}
	if (output.written - current.start > STREAM_BYTES)
		current.streamed = true;
	if (current.streamed)
		output.ready = output.written;
	return false;
}

static void too_long(void)
{
	current.request.id = TEXT("null");
	answer_mistake("found a line that is too long, allowed: 8192 bytes", REQUEST_BYTES);
	input.ignored = true;
}

/* Parts of this line or of the next are missing. */
static void damaged(u64 lost)
{
	char problem[96];
	u32 position = input.length;

	format(problem, sizeof(problem),
	       "%llu bytes of input were lost here, allowed: as many as the port carries",
	       (unsigned long long)(lost - input.lost));
	input.lost = lost;
	current.request.id = TEXT("null");
	answer_mistake(problem, position);
	input.ignored = true;
}

/* True when a line was run, so that the rest of the loop gets its turn. */
static bool take_input(void)
{
	u8 byte;
	u64 lost;

	while (room() >= REQUEST_ROOM) {
		if (serial_receive(SERIAL_COM2, &byte, 1, &lost) == 0)
			return false;
		if (lost != input.lost)
			damaged(lost);
		if (byte == '\n') {
			if (!input.ignored)
				run_line();
			input.ignored = false;
			return true;
		}
		if (input.ignored)
			continue;
		if (input.length == REQUEST_BYTES)
			too_long();
		else
			input.bytes[input.length++] = (char)byte;
	}
	return false;
}

bool machine_channel_takes_line(void)
{
	return is_open && machine_channel_login.open &&
	       (!current.open || output.written == current.start) &&
	       output.written - output.sent < LINES_AHEAD;
}

void machine_channel_line(struct text line)
{
	add(line);
	output.ready = output.written;
	current.start = output.written;
}

static void put_event(const struct vm_event_record *record)
{
	char line[1536];
	struct json json;
	size_t length;

	json_start(&json, line, sizeof(line) - 1);
	json_object_begin(&json, NULL);
	json_string(&json, "event", vm_event_name(record->event));
	json_string(&json, "vm", record->name);
	json_string(&json, "reason", record->reason);
	json_u64(&json, "time_ns", record->time_ns);
	json_object_end(&json);
	length = json_finish(&json);
	line[length++] = '\n';
	machine_channel_line((struct text){line, length});
}

static bool take_events(void)
{
	bool moved = false;
	const struct vm_event_record *record;
	char line[64];
	u64 lost = 0;

	while (machine_channel_takes_line()) {
		record = vm_event_next(&event_cursor, &lost);
		if (lost != 0) {
			format(line, sizeof(line), "{\"event\":\"lost\",\"count\":%llu}\n",
			       (unsigned long long)lost);
			machine_channel_line(text_of(line));
			lost = 0;
		}
		if (record == NULL)
			break;
		put_event(record);
		moved = true;
	}
	return moved;
}

static void send(void)
{
	u32 count;
	u32 sent;

	do {
		u32 at = output.sent % OUTPUT_BYTES;

		count = MIN(output.ready - output.sent, OUTPUT_BYTES - at);
		sent = count > 0 ? serial_send(SERIAL_COM2, output.bytes + at, count) : 0;
		output.sent += sent;
	} while (sent > 0 && sent == count);
}

void machine_channel_open(void)
{
	is_open = true;
}

bool machine_channel_is_open(void)
{
	return is_open;
}

bool machine_channel_step(void)
{
	bool more;

	if (!is_open)
		return false;
	more = current.open ? continue_command() : take_input();
	more |= take_events();
	send();
	return more;
}

u64 machine_channel_deadline(void)
{
	return current.open && current.reply.deadline_tsc != 0 ? current.reply.deadline_tsc : ~0ull;
}

void machine_channel_flush(void)
{
	u64 deadline = clock_tsc() + clock_ns_to_tsc(FLUSH_NS);

	while (output.ready != output.sent && clock_tsc() < deadline)
		send();
}
