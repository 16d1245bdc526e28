/* SPDX-License-Identifier: MIT */
/*
 * Errors in the form of libvirt's RPC, and the libvirt error that fits each problem of REST. Calls
 * end with them; the file looks at its arguments and nothing else.
 */
#include "gateway/door/error.h"

#include <string.h>

#include "gateway/base/string.h"
#include "gateway/door/xdr.h"

enum { ERROR_DOMAIN_REMOTE = 13, ERROR_LEVEL = 2 };

void error_write(struct buffer *buffer, uint32_t code, const char *text)
{
	xdr_write_u32(buffer, code);
	xdr_write_u32(buffer, ERROR_DOMAIN_REMOTE);
	xdr_write_u32(buffer, 1);
	xdr_write_text(buffer, text);
	xdr_write_u32(buffer, ERROR_LEVEL);
	/* The fields that door leaves empty: domain, three texts, two numbers and network. */
	for (unsigned i = 0; i < 7; i++)
		xdr_write_u32(buffer, 0);
}

uint32_t error_of_problem(unsigned status, const char *code)
{
	static const struct {
		unsigned status;
		uint32_t code;
	} codes[] = {
		{400, ERROR_INVALID_ARGUMENT}, {401, ERROR_AUTHENTICATION}, {403, ERROR_ACCESS},
		{404, ERROR_NO_DOMAIN},	       {409, ERROR_STATE},	    {412, ERROR_STATE},
		{422, ERROR_INVALID_ARGUMENT}, {429, ERROR_BUSY},	    {503, ERROR_FAILED},
	};

	if (code && !strcmp(code, "exists"))
		return ERROR_EXISTS;
	if (code && !strcmp(code, "busy"))
		return ERROR_BUSY;
	for (size_t i = 0; i < ARRAY_COUNT(codes); i++) {
		if (codes[i].status == status)
			return codes[i].code;
	}
	return ERROR_FAILED;
}
