/* SPDX-License-Identifier: MIT */
#include "vmm/manager/log_export.h"
#include "lib/format.h"
#include "vmm/manager/console.h"
#include "vmm/manager/log.h"
#include "vmm/manager/serial.h"

static enum config_export export_target;
static struct log_cursor cursor;
static u64 lost;      /* since the export began */
static u64 lost_told;

/* The line on its way to COM2. */
static char line_bytes[LOG_LINE_JSON_BYTES + 1];
static u32 line_length;
static u32 line_sent;

void log_export_set(enum config_export target)
{
	export_target = target;
}

enum config_export log_export_get(void)
{
	return export_target;
}

u64 log_export_lost(void)
{
	return lost;
}

/* The next line to send; what was lost before it is told first. */
static bool next_line(void)
{
	struct log_cursor ahead = cursor;
	struct log_line line;

	if (!log_store_next(log_lines(), &ahead, &line, &lost))
		return false;
	line_sent = 0;
	if (lost != lost_told) {
		line_length = (u32)format(line_bytes, sizeof(line_bytes), "{\"lost\":%llu}\n",
					  (unsigned long long)(lost - lost_told));
		lost_told = lost;
		/* From the oldest line there is, next time. */
		cursor = (struct log_cursor){.sequence = 0};
		return true;
	}
	cursor = ahead;
	line_length = (u32)log_line_json(&line, line_bytes, LOG_LINE_JSON_BYTES);
	line_bytes[line_length++] = '\n';
	return true;
}

static void step_com2(void)
{
	for (;;) {
		if (line_sent == line_length && !next_line())
			return;
		line_sent += serial_send(SERIAL_COM2, (const u8 *)line_bytes + line_sent,
					 line_length - line_sent);
		if (line_sent < line_length)
			return;
	}
}

static void step_com1(void)
{
	char text[LOG_LINE_TEXT_BYTES];
	struct log_line line;

	while (console_takes_notices() && log_store_next(log_lines(), &cursor, &line, &lost)) {
		log_line_text(&line, text, sizeof(text));
		console_notice("%s", text);
	}
}

void log_export_step(void)
{
	switch (export_target) {
	case EXPORT_OFF:
		break;
	case EXPORT_COM1:
		step_com1();
		break;
	case EXPORT_COM2:
		step_com2();
		break;
	}
}
