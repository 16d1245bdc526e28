/* SPDX-License-Identifier: MIT */
/*
 * Asks for the password at COM3 while it is locked. Called by gdb.c. Owns COM3's login and the
 * typed line, which it wipes.
 */
#include "vmm/manager/gdb/gdb_login.h"
#include "vmm/manager/gdb/gdb_session.h"
#include "vmm/manager/login/login.h"
#include "vmm/manager/login/secret_line.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

static struct login door = {.name = "COM3", .open = true};
static struct secret_line secret;
/* a packet was answered: GDB's acknowledgements may follow, which belong to no password */
static bool after_packet;

bool gdb_login_open(void)
{
	return door.open;
}

bool gdb_login_busy(void)
{
	return door.checking;
}

static void gdb_login_ask_password(const char *why)
{
	secret_line_begin(&secret);
	gdb_line_text(&gdb.line, why);
	gdb_line_text(&gdb.line, "password: ");
}

void gdb_login_lock(void)
{
	login_lock(&door);
	secret_line_begin(&secret);
	after_packet = false;
	gdb.line.acknowledge = true;
	gdb.line.inside = false;
	if (!door.open)
		gdb_login_ask_password("\r\n");
}

static void gdb_login_take_line(void)
{
	u64 wait_ns = login_wait_ns(&door);
	char text[96];

	if (!login_possible()) {
		gdb_login_ask_password(
			"\r\nerror: the password in the configuration cannot be read\r\n");
	} else if (wait_ns != 0) {
		format(text, sizeof(text),
		       "\r\nerror: too many wrong passwords, the next is accepted in %llu s\r\n",
		       (unsigned long long)((wait_ns + NS_PER_S - 1) / NS_PER_S));
		gdb_login_ask_password(text);
	} else {
		login_try(&door, (struct text){secret.text, secret.length});
		secret_line_begin(&secret);
	}
}

/*
 * Refuses a packet: GDB shows the text of the answer as a warning. The packet is no part of a
 * password.
 */
static void gdb_login_refuse_packet(void)
{
	gdb_line_send(&gdb.line, "E.locked: type the password at COM3 with a terminal first");
	secret_line_begin(&secret);
	after_packet = true;
}

void gdb_login_take(u8 byte)
{
	if (after_packet && (byte == '+' || byte == '-'))
		return;
	after_packet = false;
	if (gdb_line_take(&gdb.line, byte) == GDB_PACKET) {
		gdb_login_refuse_packet();
		return;
	}
	switch (secret_line_feed(&secret, byte)) {
	case SECRET_NONE:
		break;
	case SECRET_DONE:
		gdb_login_take_line();
		break;
	case SECRET_BREAK:
		/* a byte inside a packet of GDB's is no part of the password */
		if (!gdb.line.inside)
			gdb_login_ask_password("\r\n");
		break;
	}
}

void gdb_login_step(void)
{
	if (!door.checking)
		return;
	switch (login_step(&door)) {
	case LOGIN_CHECKING:
		break;
	case LOGIN_WRONG:
		gdb_login_ask_password("\r\nerror: wrong password\r\n");
		break;
	case LOGIN_RIGHT:
		gdb_line_init(&gdb.line);
		gdb_line_text(&gdb.line, "\r\nopen: GDB may attach now\r\n");
		break;
	}
}
