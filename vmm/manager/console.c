/* SPDX-License-Identifier: MIT */
#include "vmm/manager/console.h"
#include "lib/format.h"
#include "vmm/manager/command.h"
#include "vmm/manager/console_output.h"
#include "vmm/manager/line_editor.h"
#include "vmm/rt/clock.h"

#define PROMPT	     "skerry> "
#define DETACH	     0x1d /* Ctrl-] */
#define CONTROL_C    0x03
#define NOTICE_BYTES 2048u
/* A command starts when its answer surely fits; a guest's output stays short of what Ctrl-] can
 * wait for. */
#define COMMAND_ROOM	    (CONSOLE_OUTPUT_BYTES / 4 * 3)
#define GUEST_AHEAD	    2048u
#define FULL_INPUT_RETRY_NS (10 * NS_PER_MS)
#define FLUSH_NS	    NS_PER_S

enum mode {
	MODE_CLOSED, /* before the first prompt */
	MODE_EDIT,
	MODE_WAIT,  /* a command is under way */
	MODE_GUEST, /* attached */
};

static enum serial_name port;
static enum mode mode;
static struct console_output output;
static struct line_editor editor;
static struct reply reply;
static u32 guest; /* id of the VM attached to */

static struct text script; /* commands still to run */
static char script_bytes[LINE_MAX + 1];

static char notices[NOTICE_BYTES]; /* held back while attached */
static size_t notices_length;

/* A byte taken from the UART that could not be used yet. */
static u8 held;
static bool holding;
static u64 input_lost; /* as told last */

static void write_editor(void *context, const char *bytes, size_t count)
{
	(void)context;
	console_output_raw(&output, bytes, count);
}

static void put_reply(void *context, enum reply_kind kind, struct text text)
{
	(void)context;
	if (kind == REPLY_ERROR)
		console_output_text(&output, TEXT("error: "));
	console_output_text(&output, text);
	console_output_text(&output, TEXT("\n"));
}

static u32 output_room(void *context)
{
	(void)context;
	return console_output_room(&output);
}

static const struct requester operator_terminal = {
	.put = put_reply,
	.room = output_room,
	.terminal = true,
	.name = "console",
};

void console_init(enum serial_name name)
{
	port = name;
	console_output_init(&output);
	line_editor_init(&editor, PROMPT, write_editor, NULL);
}

void console_use(enum serial_name name)
{
	port = name;
}

enum serial_name console_port(void)
{
	return port;
}

void console_run(const char *commands_text)
{
	string_copy(script_bytes, sizeof(script_bytes), commands_text);
	script = text_of(script_bytes);
}

void console_open(void)
{
	mode = MODE_EDIT;
	console_output_fresh_line(&output);
	line_editor_begin(&editor);
}

bool console_takes_notices(void)
{
	return mode != MODE_GUEST && console_output_room(&output) > CONSOLE_OUTPUT_BYTES / 2;
}

static void show_notice(struct text text)
{
	if (mode == MODE_EDIT)
		line_editor_hide(&editor);
	console_output_fresh_line(&output);
	console_output_text(&output, text);
	if (mode == MODE_EDIT)
		line_editor_show(&editor);
}

void console_notice(const char *pattern, ...)
{
	char text[512];
	va_list arguments;
	size_t length;

	va_start(arguments, pattern);
	length = MIN(format_va(text, sizeof(text), pattern, arguments), sizeof(text) - 1);
	va_end(arguments);
	if (mode != MODE_GUEST) {
		show_notice((struct text){text, length});
	} else if (length <= NOTICE_BYTES - notices_length) {
		memcpy(notices + notices_length, text, length);
		notices_length += length;
	}
}

static void prompt_again(void)
{
	mode = MODE_EDIT;
	console_output_fresh_line(&output);
	line_editor_begin(&editor);
}

/* Leaves the guest's console; what was held back comes now. */
static void detach(const char *why)
{
	mode = MODE_WAIT;
	console_output_fresh_line(&output);
	if (why != NULL)
		console_output_text(&output, text_of(why));
	console_output_text(&output, (struct text){notices, notices_length});
	notices_length = 0;
	prompt_again();
}

static void attach(u32 id)
{
	char text[96];
	struct vm *vm = vm_by_id(id);

	if (vm == NULL) {
		prompt_again();
		return;
	}
	format(text, sizeof(text), "[console of %s, Ctrl-] leaves]\n", vm->config.name);
	console_output_text(&output, text_of(text));
	guest = id;
	mode = MODE_GUEST;
}

static void finish_command(void)
{
	reply.resume = NULL;
	if (reply.attach_id != 0)
		attach(reply.attach_id);
	else
		prompt_again();
}

static void run(const char *line)
{
	memset(&reply, 0, sizeof(reply));
	reply.to = &operator_terminal;
	mode = MODE_WAIT;
	command_run(&reply, line);
	if (reply.resume == NULL)
		finish_command();
}

/* Completion: what all candidates have in common is typed; when that is nothing they are listed. */
struct candidates {
	u32 count;
	char common[CONFIG_NAME_BYTES];
	char list[1024];
	size_t list_length;
};

static void take_candidate(void *context, const char *word)
{
	struct candidates *candidates = context;
	size_t same = 0;

	if (candidates->count++ == 0)
		string_copy(candidates->common, sizeof(candidates->common), word);
	while (candidates->common[same] != '\0' && candidates->common[same] == word[same])
		same++;
	candidates->common[same] = '\0';
	if (candidates->list_length < sizeof(candidates->list))
		candidates->list_length +=
			format(candidates->list + candidates->list_length,
			       sizeof(candidates->list) - candidates->list_length, "%s  ", word);
}

static void complete(void)
{
	struct candidates candidates = {.count = 0};
	size_t typed = command_complete(editor.text, editor.cursor, take_candidate, &candidates);
	size_t common = strlen(candidates.common);

	if (candidates.count == 0)
		return;
	if (common > typed)
		line_editor_insert(&editor, candidates.common + typed, (u32)(common - typed));
	if (candidates.count == 1)
		line_editor_insert(&editor, " ", 1);
	else if (common == typed)
		console_notice("%s\n", candidates.list);
}

static void tell_lost_input(u64 lost)
{
	if (lost != input_lost)
		console_notice("error: %llu bytes of input were lost, send more slowly\n",
			       (unsigned long long)(lost - input_lost));
	input_lost = lost;
}

static void edit(u8 byte)
{
	switch (line_editor_feed(&editor, (char)byte)) {
	case LINE_NONE:
		break;
	case LINE_COMPLETE:
		complete();
		break;
	case LINE_BREAK:
		prompt_again();
		break;
	case LINE_TOO_LONG:
		console_output_text(
			&output,
			TEXT("error: found a line that is too long, allowed: 1024 characters\n"));
		prompt_again();
		break;
	case LINE_DONE:
		run(editor.text);
		break;
	}
}

static bool next_byte(u8 *byte)
{
	u64 lost;

	if (holding) {
		holding = false;
		*byte = held;
		return true;
	}
	if (serial_receive(port, byte, 1, &lost) == 0)
		return false;
	if (mode == MODE_EDIT)
		tell_lost_input(lost);
	return true;
}

static void hold(u8 byte)
{
	held = byte;
	holding = true;
}

/* The next of the commands of `run=`, shown as if it had been typed. */
static bool run_script(void)
{
	char line[LINE_MAX + 1];
	struct text command = {script.start, 0};

	if (script.length == 0)
		return false;
	while (command.length < script.length && script.start[command.length] != ';')
		command.length++;
	script.start += command.length;
	script.length -= command.length;
	if (script.length > 0) {
		script.start++;
		script.length--;
	}
	command = text_trim(command);
	if (command.length == 0 || !text_copy(line, sizeof(line), command))
		return true;
	console_output_text(&output, command);
	console_output_text(&output, TEXT("\n"));
	run(line);
	return true;
}

/* True when a line was run, so that the rest of the loop gets its turn. */
static bool step_edit(void)
{
	u8 byte;

	if (console_output_room(&output) < COMMAND_ROOM)
		return false;
	if (run_script())
		return true;
	while (mode == MODE_EDIT && console_output_room(&output) >= COMMAND_ROOM) {
		if (!next_byte(&byte))
			return false;
		edit(byte);
	}
	return true;
}

/* Only Ctrl-C is looked for: it gives up the waiting, not what is waited for. */
static bool step_wait(void)
{
	u8 byte;

	if (reply.resume(&reply)) {
		finish_command();
		return true;
	}
	if (!holding && next_byte(&byte)) {
		if (byte == CONTROL_C) {
			console_output_text(&output, TEXT("^C\n"));
			reply.attach_id = 0;
			finish_command();
			return true;
		}
		hold(byte);
	}
	return false;
}

static void pump_guest_output(struct vm *vm)
{
	u8 bytes[256];
	u32 count;

	while (CONSOLE_OUTPUT_BYTES - console_output_room(&output) < GUEST_AHEAD) {
		count = vm_console_read(vm, bytes, sizeof(bytes));
		if (count == 0)
			return;
		console_output_raw(&output, bytes, count);
	}
}

static bool step_guest(void)
{
	struct vm *vm = vm_by_id(guest);
	u8 byte;

	if (vm == NULL) {
		detach("[the VM is gone]\n");
		return true;
	}
	pump_guest_output(vm);
	if ((vm->state == VM_STOPPED || vm->state == VM_CRASHED) && !vm_console_waiting(vm) &&
	    !vm->dying) {
		detach("[the guest has ended]\n");
		return true;
	}
	while (next_byte(&byte)) {
		if (byte == DETACH) {
			detach(NULL);
			return true;
		}
		if (vm_console_write(vm, &byte, 1) == 0) {
			hold(byte);
			break;
		}
	}
	return false;
}

static void send(void)
{
	const u8 *bytes;
	u32 count;
	u32 sent;

	do {
		bytes = console_output_waiting(&output, &count);
		sent = count > 0 ? serial_send(port, bytes, count) : 0;
		console_output_taken(&output, sent);
	} while (sent > 0 && sent == count);
}

bool console_step(void)
{
	bool more = false;

	switch (mode) {
	case MODE_CLOSED:
		break;
	case MODE_EDIT:
		more = step_edit();
		break;
	case MODE_WAIT:
		more = step_wait();
		break;
	case MODE_GUEST:
		more = step_guest();
		break;
	}
	send();
	return more;
}

u64 console_deadline(void)
{
	if (mode == MODE_GUEST && holding)
		return clock_tsc() + clock_ns_to_tsc(FULL_INPUT_RETRY_NS);
	if (mode == MODE_WAIT && reply.deadline_tsc != 0)
		return reply.deadline_tsc;
	return ~0ull;
}

void console_flush(void)
{
	u64 deadline = clock_tsc() + clock_ns_to_tsc(FLUSH_NS);

	while (console_output_room(&output) < CONSOLE_OUTPUT_BYTES && clock_tsc() < deadline)
		send();
}
