/* SPDX-License-Identifier: MIT */
/*
 * Requests of a Redfish client beside a core that answers with anything: method, path, body and the
 * answers are lines of the input. Each request ends, with a status and headers that web can send,
 * and asks core for nothing but paths of REST.
 */
#include <stdint.h>

#include "gateway/tests/fuzz/redfish_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* Takes the next line of the input, without its end, into `line`. Returns its length. */
static size_t take_line(const uint8_t **bytes, size_t *count, char *line, size_t room)
{
	size_t length = 0, used;

	while (length < *count && (*bytes)[length] != '\n')
		length++;
	used = length < *count ? length + 1 : length;
	if (length >= room)
		length = room - 1;
	memcpy(line, *bytes, length);
	line[length] = 0;
	*bytes += used;
	*count -= used;
	return length;
}

static void check_ask(const struct redfish *redfish)
{
	if (strncmp(redfish->path, "/v1/", 4) || !*redfish->method)
		__builtin_trap();
}

static void check_answer(const struct redfish *redfish)
{
	static struct fields fields;

	if (redfish->status < 200 || redfish->status > 599)
		__builtin_trap();
	if (!fields_read(&fields, redfish->headers.bytes, redfish->headers.count) ||
	    !fields_get(&fields, "OData-Version"))
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	static char method[16], path[512], body[4096], answer[4096], number[8];
	struct redfish *redfish;
	size_t length;

	take_line(&bytes, &count, method, sizeof(method));
	take_line(&bytes, &count, path, sizeof(path));
	length = take_line(&bytes, &count, body, sizeof(body));
	if (!redfish_has(path))
		return 0;
	redfish = redfish_begin(method, path, body, length, "host:8443");
	while (!redfish->answered) {
		check_ask(redfish);
		take_line(&bytes, &count, number, sizeof(number));
		length = take_line(&bytes, &count, answer, sizeof(answer));
		redfish_take(redfish, (unsigned)strtoul(number, NULL, 10) % 600, answer, length,
			     *number == '2' ? "\"tag-1\"" : NULL);
	}
	check_answer(redfish);
	redfish_free(redfish);
	return 0;
}
