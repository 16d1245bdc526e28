/* SPDX-License-Identifier: MIT */
#include "vmm/manager/log_export.h"
#include "lib/format.h"
#include "vmm/manager/console.h"
#include "vmm/manager/log.h"
#include "vmm/manager/machine_channel.h"

static enum config_export export_target;
static struct log_cursor cursor;
static u64 lost;      /* since the export began */
static u64 lost_told;

/* The next line for COM2. */
static char line_bytes[LOG_LINE_JSON_BYTES + 1];
static u32 line_length;

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

static bool step_com2(void)
{
	bool moved = false;

	while (machine_channel_takes_line() && next_line()) {
		machine_channel_line((struct text){line_bytes, line_length});
		moved = true;
	}
	return moved;
}

static bool step_com1(void)
{
	char text[LOG_LINE_TEXT_BYTES];
	struct log_line line;
	bool moved = false;

	while (console_takes_notices() && log_store_next(log_lines(), &cursor, &line, &lost)) {
		log_line_text(&line, text, sizeof(text));
		console_notice("%s", text);
		moved = true;
	}
	return moved;
}

bool log_export_step(void)
{
	switch (export_target) {
	case EXPORT_OFF:
		break;
	case EXPORT_COM1:
		return step_com1();
	case EXPORT_COM2:
		return step_com2();
	}
	return false;
}
