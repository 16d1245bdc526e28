/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

enum { HOOK_URL_BYTES = 512, HOOK_HOST_BYTES = 254 };

/* The parts of a web hook's URL. */
struct hook_url {
	bool https;
	bool literal;		    /* the host is an address, and no name to resolve */
	char host[HOOK_HOST_BYTES]; /* a name in lower case, or an address without brackets */
	char port[6];		    /* the port in decimal digits */
	char path[HOOK_URL_BYTES];  /* the path with its query; it begins with '/' */
};

/*
 * Reads https://HOST[:PORT][/PATH], or the same with http. Returns false if the text is anything
 * else, or has a character that must not stand in the head of a request.
 */
bool hook_url_read(const char *text, struct hook_url *url);
