/* SPDX-License-Identifier: MIT */
/*
 * Splits a stream of bytes, which the guest may choose freely, into lines of the guest's agent.
 * skerryctl agent calls it; it keeps no more than the longest line.
 */
#include "gateway/cli/agent.h"

bool agent_line_take(struct agent_line *line, unsigned char byte)
{
	if (line->ended) {
		line->ended = line->too_long = false;
		line->count = 0;
	}
	if (byte == 0xff) {
		/* The bytes before 0xff are the rest of an answer to an earlier client. */
		line->skips = line->too_long = false;
		line->count = 0;
		return false;
	}
	line->ended = byte == '\n' && !line->skips;
	line->too_long = !line->ended && line->count == AGENT_LINE_BYTES;
	line->ended |= line->too_long;
	if (!line->ended)
		line->bytes[line->count++] = (char)byte;
	return line->ended;
}

json_t *agent_line_json(const struct agent_line *line)
{
	json_error_t error;

	return line->too_long
		       ? NULL
		       : json_loadb(line->bytes, line->count, JSON_REJECT_DUPLICATES, &error);
}
