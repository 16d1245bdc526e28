/* SPDX-License-Identifier: MIT */
/*
 * Sends the console's output through the serial port and the pager. Called by console.c. Owns one
 * text that goes out before all output that waits.
 */
#include "vmm/manager/console/console_send.h"

static struct text first;

void console_send_first(struct text text)
{
	first = text;
}

/*
 * Sends bytes of the text that goes before the output; returns whether all of that text was sent.
 */
static bool console_send_from_first(enum serial_name port)
{
	u32 sent = serial_send(port, (const u8 *)first.start, (u32)first.length);

	first.start += sent;
	first.length -= sent;
	return first.length == 0;
}

void console_send(enum serial_name port, struct console_output *output, struct pager *pager,
		  bool (*recover)(void))
{
	const u8 *bytes;
	u32 count;
	u32 sent;

	do {
		if (first.length > 0 && !console_send_from_first(port))
			return;
		bytes = console_output_waiting(output, &count);
		if (pager->paused)
			return;
		count = pager_allow(pager, bytes, count, output->sent);
		if (pager->paused)
			first = TEXT(PAGER_MORE);
		sent = count > 0 ? serial_send(port, bytes, count) : 0;
		pager_sent(pager, bytes, sent, output->sent);
		console_output_taken(output, sent);
	} while (first.length > 0 || (sent > 0 && sent == count) || recover());
}
