/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * The one result code of the kernel, its system calls and ring 3. It is part of the ABI: only
 * append.
 */
enum status {
	STATUS_OK = 0,
	STATUS_BAD_ARGUMENT = 1, /* an argument has a value that no caller may pass */
	/* the handle does not exist, names an object of another type, or its object is gone */
	STATUS_BAD_HANDLE = 2,
	STATUS_NO_RIGHT = 3,	   /* the handle lacks a right that is needed */
	STATUS_BAD_ADDRESS = 4,	   /* unaligned, out of range, wraps, or not mapped */
	STATUS_IN_USE = 5,	   /* the requested place holds something already */
	STATUS_NO_MEMORY = 6,	   /* the host has no page left */
	STATUS_NO_QUOTA = 7,	   /* the group's quota does not cover the request */
	STATUS_AGAIN = 8,	   /* the call has made progress and is not done: repeat it */
	STATUS_TIMED_OUT = 9,	   /* the deadline passed first */
	STATUS_NOT_SUPPORTED = 10, /* this CPU or host does not support the request */
	STATUS_NOT_FOUND = 11,	   /* the requested thing does not exist */
	STATUS_BAD_STATE = 12,	   /* the object's present state does not permit the call */
	STATUS_BAD_FORMAT = 13,	   /* the data do not follow their format */
	STATUS_TOO_BIG = 14,	   /* the data are more than the receiver can take */
	STATUS_COUNT
};
