/* SPDX-License-Identifier: MIT */
/*
 * Sends the log to COM1 or COM2 besides keeping it. Called by the event loop; setup.c and the
 * configuration choose the target. Owns its own position in the log.
 */
#include "vmm/manager/channel/log_export.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/log/log_text.h"
#include "vmm/manager/channel/machine_channel.h"
#include "vmm/manager/log/notice.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

static enum config_export export_target;
static enum config_log_format export_form;
static bool as_json;
static struct log_reader reader;
static u64 lost; /* lines lost since the export began */
static u64 lost_told;

/* The line being sent. */
static char line_bytes[LOG_LINE_JSON_BYTES + 1];
static u32 line_length;

void log_export_set(enum config_export target, enum config_log_format form)
{
	export_target = target;
	export_form = form;
	as_json = form == LOG_FORMAT_JSON || (form == LOG_FORMAT_AUTO && target == EXPORT_COM2);
}

enum config_export log_export_get(void)
{
	return export_target;
}

enum config_log_format log_export_form(void)
{
	return export_form;
}

u64 log_export_lost(void)
{
	return lost;
}

static void log_export_make_loss(void)
{
	line_length = (u32)format(line_bytes, sizeof(line_bytes),
				  as_json ? "{\"lost\":%llu}\n" : "[%llu lines lost]\n",
				  (unsigned long long)(lost - lost_told));
	lost_told = lost;
}

/*
 * Prepares the next line to send: a log line, or the number of log lines before it that were
 * overwritten unsent. Returns false if there is none.
 */
static bool log_export_next_line(void)
{
	u64 start = clock_tsc();
	struct log_line line;

	line_length = 0;
	lost += log_overtaken(&reader);
	if (lost != lost_told) {
		log_export_make_loss();
		return true;
	}
	if (!log_next(&reader, &line))
		return false;
	if (as_json) {
		line_length = (u32)log_line_json(&line, line_bytes, LOG_LINE_JSON_BYTES);
		line_bytes[line_length++] = '\n';
	} else {
		line_length =
			(u32)log_line_text(&line, LOG_WITH_CHAIN, line_bytes, sizeof(line_bytes));
	}
	log_cost_add(&log_stats()->export, clock_tsc() - start);
	return true;
}

static bool log_export_step_com2(void)
{
	bool moved = false;

	while (machine_channel_takes_line() && log_export_next_line()) {
		machine_channel_line((struct text){line_bytes, line_length});
		moved = true;
	}
	return moved;
}

static bool log_export_step_com1(void)
{
	bool moved = false;

	while (notice_is_free() && log_export_next_line()) {
		notice("%.*s", (int)line_length, line_bytes);
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
		return log_export_step_com1();
	case EXPORT_COM2:
		return log_export_step_com2();
	}
	return false;
}
