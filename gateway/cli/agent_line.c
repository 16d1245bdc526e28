/* SPDX-License-Identifier: MIT */
/*
 * Lines of a guest's agent, out of a stream of bytes that a guest may choose freely. skerryctl
 * agent calls it; it keeps no more than the longest line.
 */
#include "gateway/cli/agent.h"

bool agent_line_take(struct agent_line *line, unsigned char byte)
{
	if (line->ended) {
		line->ended = line->too_long = false;
		line->count = 0;
	}
	if (byte == 0xff) {
		/* What stood before it was cut off, or was an answer to somebody else. */
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
