/* SPDX-License-Identifier: MIT */
/*
 * Reads whole numbers that a client wrote. Handlers and the list of local connections ask here; the
 * file looks at its arguments and nothing else.
 */

#include "gateway/core/common/number.h"

#include <stddef.h>

int64_t number_read(const char *text, int64_t missing, int64_t most)
{
	int64_t value = 0;

	if (!text)
		return missing;
	if (!*text)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || value > (most - (*text - '0')) / 10)
			return -1;
		value = value * 10 + (*text - '0');
	}
	return value;
}
