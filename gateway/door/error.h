/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/base/buffer.h"

/* libvirt's numbers of errors, as far as door uses them. */
enum error_code {
	ERROR_INTERNAL = 1,
	ERROR_NO_SUPPORT = 3,
	ERROR_INVALID_CONNECTION = 6,
	ERROR_INVALID_ARGUMENT = 8,
	ERROR_FAILED = 9,
	ERROR_XML = 27,
	ERROR_EXISTS = 28,
	ERROR_DENIED = 29, /* the call changes something, and the connection only reads */
	ERROR_RPC = 39,
	ERROR_NO_DOMAIN = 42,
	ERROR_NO_NETWORK = 43,
	ERROR_AUTHENTICATION = 45,
	ERROR_NO_POOL = 49,
	ERROR_NO_VOLUME = 50,
	ERROR_STATE = 55,
	ERROR_CONFIGURATION = 67, /* the call's description asks for something that Skerry lacks */
	ERROR_TIMEOUT = 68,
	ERROR_NO_SNAPSHOT = 72,
	ERROR_BUSY = 87,
	ERROR_ACCESS = 88,
};

/* Writes an error in the form that a reply of libvirt's RPC has. */
void error_write(struct buffer *buffer, uint32_t code, const char *text);
/* Returns the number of the libvirt error that is closest to a problem of REST. */
uint32_t error_of_problem(unsigned status, const char *code);
