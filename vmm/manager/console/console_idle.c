/* SPDX-License-Identifier: MIT */
/*
 * Locks the console after a time without input. Called by console.c; setup.c sets the time. Owns
 * the time of the last input; a lock also forgets the typed state key and locks COM3.
 */
#include "vmm/manager/console/console_idle.h"
#include "vmm/manager/console/console_secret.h"
#include "vmm/manager/gdb/gdb.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/config/disk_key.h"
#include "vmm/manager/config/vm_save_key.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

static u64 limit_ns;
static u64 since_tsc; /* time of the last input, or of the first call */
static u32 seen;      /* number of bytes received when input was last seen */

void console_idle_limit(u64 ns)
{
	limit_ns = ns;
}

bool console_idle_over(enum serial_name port)
{
	u32 received = serial_received(port);
	u64 now = clock_tsc();

	if (limit_ns == 0)
		return false;
	if (since_tsc == 0 || received != seen) {
		since_tsc = now;
		seen = received;
	}
	return now - since_tsc >= clock_ns_to_tsc(limit_ns);
}

u64 console_idle_deadline(void)
{
	return limit_ns != 0 ? since_tsc + clock_ns_to_tsc(limit_ns) : ~0ull;
}

void console_idle_lock(struct console_output *output)
{
	unsigned long long seconds = limit_ns / NS_PER_S;
	char text[64];

	format(text, sizeof(text), "[locked, no input for %llu s]\n", seconds);
	console_output_fresh_line(output);
	console_output_text(output, text_of(text));
	log_actor_set(console_login.name);
	log_message(LOG_INFO, LOG_AUDIT, "", "no input for %llu s", seconds);
	log_actor_set(NULL);
	login_lock(&console_login);
	vm_save_key_forget();
	disk_key_forget();
	if (!gdb_attached()) /* while GDB is attached, COM3 is in use and stays open */
		gdb_lock();
}
