/* SPDX-License-Identifier: MIT */
/*
 * The texts of status codes. Called by the manager and monitors for messages; has a constant table
 * only.
 */
#include "vmm/rt/status_text.h"

const char *status_text(enum status status)
{
	static const char text[STATUS_COUNT][16] = {
		[STATUS_OK] = "ok",
		[STATUS_BAD_ARGUMENT] = "bad argument",
		[STATUS_BAD_HANDLE] = "bad handle",
		[STATUS_NO_RIGHT] = "no right",
		[STATUS_BAD_ADDRESS] = "bad address",
		[STATUS_IN_USE] = "in use",
		[STATUS_NO_MEMORY] = "no memory",
		[STATUS_NO_QUOTA] = "no quota",
		[STATUS_AGAIN] = "again",
		[STATUS_TIMED_OUT] = "timed out",
		[STATUS_NOT_SUPPORTED] = "not supported",
		[STATUS_NOT_FOUND] = "not found",
		[STATUS_BAD_STATE] = "bad state",
		[STATUS_BAD_FORMAT] = "bad format",
		[STATUS_TOO_BIG] = "too big",
	};

	return (unsigned int)status < STATUS_COUNT ? text[status] : "unknown status";
}
