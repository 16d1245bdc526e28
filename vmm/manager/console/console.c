/* SPDX-License-Identifier: MIT */
/*
 * The operator's terminal: its modes, the commands typed there, and the times at which output is
 * shown. Called by the event loop, main.c and setup.c; commands change its settings. Owns the mode,
 * the output and the editor.
 */
#include "vmm/manager/console/console.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/console/console_complete.h"
#include "vmm/manager/console/console_guest.h"
#include "vmm/manager/console/console_idle.h"
#include "vmm/manager/console/console_input.h"
#include "vmm/manager/console/console_notices.h"
#include "vmm/manager/console/console_output.h"
#include "vmm/manager/console/console_pager.h"
#include "vmm/manager/console/console_reply.h"
#include "vmm/manager/console/console_script.h"
#include "vmm/manager/console/console_secret.h"
#include "vmm/manager/console/console_send.h"
#include "vmm/manager/console/line_editor.h"
#include "vmm/manager/log/notice.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

#define PROMPT		    "skerry> "
#define COMMAND_ROOM	    (CONSOLE_OUTPUT_BYTES / 4 * 3) /* room needed before a command starts */
#define FULL_INPUT_RETRY_NS (10 * NS_PER_MS)
#define FLUSH_NS	    NS_PER_S

enum mode {
	MODE_CLOSED, /* the terminal has not shown its first prompt yet */
	MODE_EDIT,
	MODE_WAIT,   /* a command is under way */
	MODE_GUEST,  /* the terminal is attached to a guest */
	MODE_SETTLE, /* the terminal has just left a guest: input is dropped */
	MODE_SECRET, /* locked, or a secret is being typed */
};

static enum serial_name port;
static enum mode mode;
static struct console_output output;
static struct line_editor editor;
static struct reply reply;

static struct console_terminal terminal = {.rows = 24, .columns = LINE_COLUMNS};
static struct pager pager;

static void console_write_editor(void *context, const char *bytes, size_t count)
{
	(void)context;
	console_output_raw(&output, bytes, count);
}

static void console_put_reply(void *context, enum reply_kind kind, struct text text)
{
	(void)context;
	console_reply_put(&output, terminal.on, kind, reply.tone, text);
}

static u32 console_room(void *context)
{
	(void)context;
	return console_output_room(&output);
}

static const struct requester operator_terminal = {
	.put = console_put_reply,
	.room = console_room,
	.terminal = true,
	.login = &console_login,
	.name = "console",
	.rights = MAY_ALL,
};

/* The asker of `run=` commands before the first login: it cannot attach a guest's console. */
static const struct requester command_line = {
	.put = console_put_reply,
	.room = console_room,
	.login = &console_login,
	.name = "command line",
	.rights = MAY_ALL,
};

void console_use(enum serial_name name)
{
	port = name;
}

enum serial_name console_port(void)
{
	return port;
}

/* Returns whether notices may be shown: not over a guest or a password, nor before a login. */
static bool console_shows_notices(void)
{
	return mode != MODE_GUEST && mode != MODE_SETTLE && mode != MODE_SECRET &&
	       console_login.open;
}

static bool console_takes_notices(void)
{
	return console_shows_notices() && console_output_room(&output) > CONSOLE_OUTPUT_BYTES / 2;
}

static void console_show_notice(struct text text)
{
	if (mode == MODE_EDIT)
		line_editor_hide(&editor);
	console_output_fresh_line(&output);
	console_output_text(&output, text);
	if (mode == MODE_EDIT)
		line_editor_show(&editor);
}

static void console_show_or_keep_notice(struct text text)
{
	if (console_shows_notices())
		console_show_notice(text);
	else
		console_notices_keep(text);
}

static const struct notice_board board = {
	.show = console_show_or_keep_notice,
	.is_free = console_takes_notices,
};

void console_init(enum serial_name name)
{
	port = name;
	console_output_init(&output);
	notice_show_on(&board);
	line_editor_init(&editor, PROMPT, console_write_editor, NULL);
}

/* Shows the prompt; asks for the password in its place, unless commands of `run=` are left. */
static void console_prompt_again(void)
{
	console_output_fresh_line(&output);
	if (console_login.open || console_script_left()) {
		mode = MODE_EDIT;
		line_editor_begin(&editor);
	} else {
		mode = MODE_SECRET;
		console_secret_ask(&output);
	}
}

void console_open(void)
{
	console_prompt_again();
}

static void console_show_held_notices(void)
{
	console_output_fresh_line(&output);
	console_output_text(&output, console_notices_take());
}

/* Leaves the guest's console; held notices are shown once the terminal has settled. */
static void console_detach(const char *why)
{
	console_guest_leave();
	if (why != NULL)
		console_output_text(&output, text_of(why));
	mode = MODE_SETTLE;
}

/* Attaches the terminal to a VM's console, or to one of its ports. */
static void console_attach(void)
{
	const struct vm *vm = vm_by_id(reply.attach_id);

	if (vm == NULL) {
		console_prompt_again();
		return;
	}
	console_guest_attach(&output, vm, reply.attach_port, reply.attach_raw);
	mode = MODE_GUEST;
}

static void console_finish_command(void)
{
	reply.resume = NULL;
	console_output_fresh_line(&output);
	pager_end(&pager, output.written);
	if (reply.attach_id != 0) {
		console_attach();
	} else if (reply.secret_iterations != 0) {
		mode = MODE_SECRET;
		console_secret_make(&output, reply.secret_iterations);
	} else if (reply.asks_state_key || reply.asks_disk_key[0] != '\0') {
		mode = MODE_SECRET;
		console_secret_ask_key(&output, reply.asks_disk_key);
	} else {
		console_prompt_again();
	}
}

static void console_run(const char *line, bool typed)
{
	pager_begin(&pager, typed && terminal.on ? terminal.rows : 0, output.written);
	memset(&reply, 0, sizeof(reply));
	reply.to = console_login.open ? &operator_terminal : &command_line;
	mode = MODE_WAIT;
	command_run(&reply, line);
	if (reply.resume == NULL)
		console_finish_command();
}

static void console_tell_lost_input(void)
{
	u64 lost = console_input_lost();

	if (lost != 0)
		notice("error: %llu bytes of input were lost, send more slowly\n",
		       (unsigned long long)lost);
}

/* Answers a line without running it. */
static void console_refuse(const char *pattern, ...)
{
	char text[96];
	va_list arguments;

	va_start(arguments, pattern);
	format_va(text, sizeof(text), pattern, arguments);
	va_end(arguments);
	console_put_reply(NULL, REPLY_ERROR, text_of(text));
	console_prompt_again();
}

static void console_edit(u8 byte)
{
	switch (line_editor_feed(&editor, (char)byte)) {
	case LINE_NONE:
		break;
	case LINE_COMPLETE:
		console_complete(&editor);
		break;
	case LINE_SIZE:
		console_terminal_set((struct console_terminal){
			.on = true, .rows = editor.told_rows, .columns = editor.told_columns});
		break;
	case LINE_BREAK:
		console_prompt_again();
		break;
	case LINE_TOO_LONG:
		console_refuse("the line is too long; use at most %u characters", LINE_MAX);
		break;
	case LINE_BAD:
		console_refuse("the byte 0x%02x at column %u is not printable ASCII; leave it out",
			       editor.bad_byte, editor.bad_column);
		break;
	case LINE_DONE:
		console_run(editor.text, true);
		break;
	}
}

/* Runs the next command of `run=`, shown as if it had been typed. */
static bool console_run_script(void)
{
	char line[LINE_MAX + 1];

	if (!console_script_left())
		return false;
	console_script_next(line);
	if (line[0] == '\0')
		return true;
	console_output_text(&output, text_of(line));
	console_output_text(&output, TEXT("\n"));
	console_run(line, false);
	return true;
}

/* Feeds the line editor; returns whether a line was run, after which other work has its turn. */
static bool console_step_edit(void)
{
	u8 byte;

	if (console_output_room(&output) < COMMAND_ROOM)
		return false;
	if (console_run_script())
		return true;
	if (!console_login.open) {
		console_prompt_again();
		return true;
	}
	while (mode == MODE_EDIT && console_output_room(&output) >= COMMAND_ROOM) {
		if (!console_input_next(port, &byte))
			return false;
		console_tell_lost_input();
		console_edit(byte);
	}
	return true;
}

/* Stops waiting for the command; its work continues. */
static void console_interrupt_command(void)
{
	struct vm *vm = vm_by_id(reply.vm_id);

	if (vm != NULL)
		vm->answered = false;
	console_output_text(&output, TEXT("^C\n"));
	reply.attach_id = 0;
	console_finish_command();
}

static bool console_step_wait(void)
{
	if (command_resume(&reply)) {
		console_finish_command();
		return true;
	}
	if (!console_input_cut(port, KEY_BREAK))
		return false;
	console_interrupt_command();
	return true;
}

static bool console_step_guest(void)
{
	const char *why;

	if (console_guest_step(port, &why) == CONSOLE_GUEST_HERE)
		return false;
	console_detach(why);
	return true;
}

static bool console_step_settle(void)
{
	if (!console_guest_settled(port))
		return false;
	if (console_login.open)
		console_show_held_notices();
	console_prompt_again();
	return true;
}

static bool console_step_secret(void)
{
	enum console_secret_state state = console_secret_step(port);

	if (state != CONSOLE_SECRET_DONE)
		return state == CONSOLE_SECRET_BUSY;
	console_show_held_notices();
	console_prompt_again();
	return true;
}

/* Reports output that was lost, and shows the prompt again; returns whether any was lost. */
static bool console_recover(void)
{
	bool told = console_output_tell_loss(&output);

	if (told && mode == MODE_EDIT)
		line_editor_show(&editor);
	return told;
}

static void console_send_some(void)
{
	console_send(port, &output, &pager, console_recover);
}

/* Drops the output that the pager still holds back. */
static void console_drop_page(void)
{
	if (!pager.ended)
		console_interrupt_command();
	console_output_taken(&output, pager.end - output.sent);
	pager_off(&pager);
}

/* Handles a key at "--more--": it asks for a line, for the rest, to stop, or for a page. */
static void console_step_page(void)
{
	u8 byte;

	if (!console_input_next(port, &byte))
		return;
	console_send_first(TEXT(PAGER_MORE_GONE));
	if (byte == '\r' || byte == '\n')
		pager_more(&pager, 1);
	else if (byte == 'q' || byte == KEY_BREAK)
		console_drop_page();
	else if (byte == 'G')
		pager_off(&pager);
	else
		pager_more(&pager, pager.rows - 1);
}

void console_page_off(void)
{
	pager_off(&pager);
}

/* Ends the terminal's present use; returns false if that end has to be waited for. */
static bool console_give_up(void)
{
	if (mode == MODE_WAIT && reply.lasting)
		return false;
	if (pager.paused)
		console_drop_page();
	if (mode == MODE_WAIT)
		console_interrupt_command();
	if (mode == MODE_SECRET && !console_secret_drop())
		return false;
	if (mode == MODE_GUEST)
		console_detach(NULL);
	return true;
}

/* Locks the terminal after a long time without input. */
static void console_lock_idle(void)
{
	if (!console_give_up())
		return;
	console_idle_lock(&output);
	if (mode != MODE_SETTLE)
		console_prompt_again();
}

struct console_terminal console_terminal(void)
{
	return terminal;
}

void console_terminal_set(struct console_terminal settings)
{
	terminal = settings;
	line_editor_columns(&editor, terminal.on ? terminal.columns : LINE_COLUMNS);
	if (terminal.ask)
		line_editor_ask_size(&editor);
}

bool console_step(void)
{
	bool more = false;

	if (mode != MODE_CLOSED && console_login.open && console_idle_over(port))
		console_lock_idle();
	if (pager.paused)
		console_step_page();
	switch (mode) {
	case MODE_CLOSED:
		break;
	case MODE_EDIT:
		more = !pager.paused && console_step_edit();
		break;
	case MODE_WAIT:
		more = console_step_wait();
		break;
	case MODE_GUEST:
		more = console_step_guest();
		break;
	case MODE_SETTLE:
		more = console_step_settle();
		break;
	case MODE_SECRET:
		more = console_step_secret();
		break;
	}
	console_send_some();
	return more;
}

static u64 console_deadline_of_mode(void)
{
	if (mode == MODE_GUEST && console_input_held())
		return clock_tsc() + clock_ns_to_tsc(FULL_INPUT_RETRY_NS);
	if (mode == MODE_SETTLE)
		return console_guest_settle_deadline();
	if (mode == MODE_SECRET)
		return console_secret_deadline();
	if (mode == MODE_WAIT)
		return MIN(reply.deadline_tsc != 0 ? reply.deadline_tsc : ~0ull,
			   console_input_deadline(port));
	return ~0ull;
}

u64 console_deadline(void)
{
	bool may_lock = console_login.open && !(mode == MODE_WAIT && reply.lasting);

	return MIN(console_deadline_of_mode(), may_lock ? console_idle_deadline() : ~0ull);
}

void console_flush(void)
{
	u64 deadline = clock_tsc() + clock_ns_to_tsc(FLUSH_NS);

	pager_off(&pager);
	while (console_output_room(&output) < CONSOLE_OUTPUT_BYTES && clock_tsc() < deadline)
		console_send_some();
}
