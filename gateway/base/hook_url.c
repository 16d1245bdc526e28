/* SPDX-License-Identifier: MIT */
/*
 * Reads the URLs of web hooks. Core calls it when a rule is made, and the process hook before each
 * delivery; it looks at its arguments and nothing else.
 */
#include "gateway/base/hook_url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/dns_name.h"
#include "gateway/base/string.h"

/* The characters that a path may contain besides letters and digits (RFC 3986, 3.3 and 3.4). */
#define URL_PATH_BYTES "-._~!$&'()*+,;=:@%/?"

/* Reads the host, which ends before the port or the path. Returns the text behind it, or NULL. */
static const char *url_read_host(const char *at, struct hook_url *url)
{
	bool bracket = *at == '[';
	size_t length = strcspn(at += bracket, bracket ? "]" : ":/?");
	struct in6_addr address;

	if (length == 0 || length >= sizeof(url->host) || (bracket && at[length] != ']'))
		return NULL;
	for (size_t i = 0; i < length; i++)
		url->host[i] = (char)tolower((unsigned char)at[i]);
	url->host[length] = 0;
	url->literal = inet_pton(bracket ? AF_INET6 : AF_INET, url->host, &address) == 1;
	if (!url->literal && (bracket || !dns_name_valid(url->host)))
		return NULL;
	return at + length + bracket;
}

/* Reads the port, or takes the scheme's usual one. Returns the text behind it, or NULL. */
static const char *url_read_port(const char *at, struct hook_url *url)
{
	size_t length = 0;

	string_copy(url->port, sizeof(url->port), url->https ? "443" : "80");
	if (*at != ':')
		return at;
	while (isdigit((unsigned char)at[1 + length]))
		length++;
	if (length == 0 || length >= sizeof(url->port))
		return NULL;
	memcpy(url->port, at + 1, length);
	url->port[length] = 0;
	return atoi(url->port) > 0 && atoi(url->port) < 65536 ? at + 1 + length : NULL;
}

bool hook_url_read(const char *text, struct hook_url *url)
{
	const char *at = text;

	*url = (struct hook_url){0};
	if (strlen(text) >= HOOK_URL_BYTES)
		return false;
	url->https = !strncmp(at, "https://", 8);
	if (!url->https && strncmp(at, "http://", 7) != 0)
		return false;
	at = url_read_host(at + (url->https ? 8 : 7), url);
	at = at ? url_read_port(at, url) : NULL;
	if (!at || (*at && *at != '/' && *at != '?'))
		return false;
	if (*at != '/')
		url->path[0] = '/';
	string_copy(url->path + strlen(url->path), sizeof(url->path) - 1, at);
	for (at = url->path; *at; at++) {
		if (!isalnum((unsigned char)*at) && !strchr(URL_PATH_BYTES, *at))
			return false;
	}
	return true;
}
