/* SPDX-License-Identifier: MIT */
/*
 * Asks for secrets at the console without echo: the password, a new password, and keys of saves and
 * disks. Called by console.c. Owns the typed lines, which it wipes, and the console's login.
 */
#include "vmm/manager/console/console_secret.h"
#include "vmm/manager/console/console_input.h"
#include "vmm/manager/process/random.h"
#include "vmm/manager/login/secret_line.h"
#include "vmm/manager/config/disk_key.h"
#include "vmm/manager/config/vm_save_key.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/format.h"

/*
 * Iterations of the password's hash in one step, the same number as for a login: the manager does
 * other work between steps.
 */
#define ITERATIONS_A_STEP 128u

enum stage {
	STAGE_PASSWORD, /* the password is being typed */
	STAGE_CHECK,
	STAGE_DELAY, /* a pause after too many wrong passwords, in which input is lost */
	STAGE_NEW,   /* a new password is being typed */
	STAGE_AGAIN, /* the new password is being typed again */
	STAGE_MAKE,  /* the password's hash is being computed */
	STAGE_KEY,   /* the key of saved VMs is being typed */
	STAGE_DISK,  /* a key of disks is being typed */
};

struct login console_login = {.name = "console", .open = true};
static struct console_output *output;
static enum stage stage;
static struct secret_line line;
static struct secret_line first;	 /* the first of the two lines of a new password */
static char disk_key[CONFIG_NAME_BYTES]; /* name of the key of disks that is being typed */
static struct password_hash made;
static struct password_work work;

static void console_secret_put(const char *text)
{
	console_output_text(output, text_of(text));
}

static void console_secret_ask_for(enum stage next, const char *prompt)
{
	stage = next;
	secret_line_begin(&line);
	console_output_fresh_line(output);
	console_secret_put(prompt);
}

static void console_secret_ask_password(void)
{
	console_secret_ask_for(STAGE_PASSWORD, "password: ");
}

void console_secret_ask(struct console_output *to)
{
	output = to;
	if (!login_possible())
		console_secret_put("error: the password in the configuration cannot be read: "
				   "locked until the host starts with one that can\n");
	console_secret_ask_password();
}

void console_secret_make(struct console_output *to, u32 iterations)
{
	output = to;
	made = (struct password_hash){.iterations = iterations, .salt_bytes = PASSWORD_SALT_BYTES};
	console_secret_ask_for(STAGE_NEW, "new password: ");
}

void console_secret_ask_key(struct console_output *to, const char *disk_key_name)
{
	output = to;
	string_copy(disk_key, sizeof(disk_key), disk_key_name);
	if (disk_key[0] != '\0')
		console_secret_ask_for(STAGE_DISK, "disk key: ");
	else
		console_secret_ask_for(STAGE_KEY, "state key: ");
}

static struct text console_secret_typed(const struct secret_line *from)
{
	return (struct text){from->text, from->length};
}

static bool console_secret_same_lines(void)
{
	u8 difference = (u8)(first.length ^ line.length);

	for (u32 i = 0; i < PASSWORD_LENGTH_MAX; i++)
		difference |= (u8)(first.text[i] ^ line.text[i]);
	return difference == 0;
}

static enum console_secret_state console_secret_give_up(const char *why)
{
	secret_line_begin(&line);
	secret_line_begin(&first);
	console_secret_put(why);
	return CONSOLE_SECRET_DONE;
}

static enum console_secret_state console_secret_take_new(void)
{
	if (line.length == 0)
		return console_secret_give_up("no password made\n");
	if (line.length < PASSWORD_LENGTH_MIN || line.length > PASSWORD_LENGTH_MAX) {
		console_secret_put("error: a password has 8 to 64 characters\n");
		console_secret_ask_for(STAGE_NEW, "new password (Enter alone gives up): ");
		return CONSOLE_SECRET_BUSY;
	}
	first = line;
	console_secret_ask_for(STAGE_AGAIN, "once more: ");
	return CONSOLE_SECRET_BUSY;
}

static enum console_secret_state console_secret_take_again(void)
{
	if (!console_secret_same_lines())
		return console_secret_give_up(
			"error: the two passwords differ, nothing is changed\n");
	random_draw(made.salt, made.salt_bytes);
	password_begin(&work, console_secret_typed(&line), &made);
	console_secret_give_up("");
	stage = STAGE_MAKE;
	return CONSOLE_SECRET_BUSY;
}

static enum console_secret_state console_secret_take_key(void)
{
	if (line.length == 0)
		return console_secret_give_up("no key taken\n");
	if (line.length <= PASSWORD_LENGTH_MAX && vm_save_key_take(console_secret_typed(&line)))
		return console_secret_give_up(
			"the key is taken, `lock` or `state key forget` forgets it\n");
	console_secret_put("error: state key: this is no key; type 64 hex digits\n");
	console_secret_ask_for(STAGE_KEY, "state key (Enter alone gives up): ");
	return CONSOLE_SECRET_BUSY;
}

static enum console_secret_state console_secret_take_disk_key(void)
{
	if (line.length == 0)
		return console_secret_give_up("no key taken\n");
	if (line.length <= PASSWORD_LENGTH_MAX &&
	    disk_key_take(disk_key, console_secret_typed(&line)))
		return console_secret_give_up(
			"the key is taken, `lock` or `disk key forget` forgets it\n");
	console_secret_put("error: disk key: this is no key, or there are 16 already; type 64 hex "
			   "digits\n");
	console_secret_ask_for(STAGE_DISK, "disk key (Enter alone gives up): ");
	return CONSOLE_SECRET_BUSY;
}

static enum console_secret_state console_secret_take_line(void)
{
	console_secret_put("\n");
	if (stage == STAGE_DISK)
		return console_secret_take_disk_key();
	if (stage == STAGE_KEY)
		return console_secret_take_key();
	if (stage == STAGE_NEW)
		return console_secret_take_new();
	if (stage == STAGE_AGAIN)
		return console_secret_take_again();
	login_try(&console_login, console_secret_typed(&line));
	secret_line_begin(&line);
	stage = STAGE_CHECK;
	return CONSOLE_SECRET_BUSY;
}

static enum console_secret_state console_secret_take_break(void)
{
	console_secret_put("^C\n");
	if (stage != STAGE_PASSWORD)
		return console_secret_give_up("");
	console_secret_ask_password();
	return CONSOLE_SECRET_BUSY;
}

static enum console_secret_state console_secret_step_typing(enum serial_name port)
{
	u8 byte;

	while (console_input_next(port, &byte)) {
		switch (secret_line_feed(&line, byte)) {
		case SECRET_NONE:
			break;
		case SECRET_DONE:
			return console_secret_take_line();
		case SECRET_BREAK:
			return console_secret_take_break();
		}
	}
	return CONSOLE_SECRET_IDLE;
}

static enum console_secret_state console_secret_step_check(void)
{
	char text[96];
	u64 wait_ns;

	switch (login_step(&console_login)) {
	case LOGIN_CHECKING:
		return CONSOLE_SECRET_BUSY;
	case LOGIN_RIGHT:
		return CONSOLE_SECRET_DONE;
	case LOGIN_WRONG:
		break;
	}
	wait_ns = login_wait_ns(&console_login);
	console_secret_put("error: wrong password\n");
	if (wait_ns == 0) {
		console_secret_ask_password();
		return CONSOLE_SECRET_BUSY;
	}
	format(text, sizeof(text), "%u wrong passwords in a row, the next is accepted in %llu s\n",
	       console_login.failures, (unsigned long long)((wait_ns + NS_PER_S - 1) / NS_PER_S));
	console_secret_put(text);
	stage = STAGE_DELAY;
	return CONSOLE_SECRET_IDLE;
}

static enum console_secret_state console_secret_step_delay(enum serial_name port)
{
	u8 byte;

	while (console_input_next(port, &byte))
		;
	if (login_wait_ns(&console_login) != 0)
		return CONSOLE_SECRET_IDLE;
	console_secret_ask_password();
	return CONSOLE_SECRET_BUSY;
}

static enum console_secret_state console_secret_step_make(void)
{
	char text[PASSWORD_TEXT_BYTES];

	if (!password_step(&work, ITERATIONS_A_STEP))
		return CONSOLE_SECRET_BUSY;
	memcpy(made.hash, work.hash, sizeof(made.hash));
	secret_forget(&work, sizeof(work));
	password_text(&made, text, sizeof(text));
	console_secret_put("# for [host] of the configuration\npassword = ");
	console_secret_put(text);
	console_secret_put("\n");
	return CONSOLE_SECRET_DONE;
}

enum console_secret_state console_secret_step(enum serial_name port)
{
	switch (stage) {
	case STAGE_CHECK:
		return console_secret_step_check();
	case STAGE_DELAY:
		return console_secret_step_delay(port);
	case STAGE_MAKE:
		return console_secret_step_make();
	default:
		return console_secret_step_typing(port);
	}
}

bool console_secret_drop(void)
{
	if (stage == STAGE_MAKE)
		return false;
	(void)console_secret_give_up("");
	return true;
}

u64 console_secret_deadline(void)
{
	return stage == STAGE_DELAY ? console_login.again_tsc : ~0ull;
}
