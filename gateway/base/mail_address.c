/* SPDX-License-Identifier: MIT */
/*
 * Checks addresses of mail. Core calls it for options and rules of alerts, and the process mail
 * before each message; it looks at its arguments and nothing else.
 */
#include "gateway/base/mail_address.h"

#include <ctype.h>
#include <string.h>

#include "gateway/base/dns_name.h"

enum { ADDRESS_LOCAL_BYTES = 64 };

static bool mail_address_local_valid(const char *text, size_t length)
{
	if (length == 0 || length > ADDRESS_LOCAL_BYTES || *text == '-' || *text == '.' ||
	    text[length - 1] == '.')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)text[i]) && !strchr("_+=-.", text[i]))
			return false;
		if (text[i] == '.' && text[i + 1] == '.')
			return false;
	}
	return true;
}

bool mail_address_valid(const char *text)
{
	size_t length = strcspn(text, "@");

	return strlen(text) < MAIL_ADDRESS_BYTES && text[length] &&
	       mail_address_local_valid(text, length) && dns_name_valid(text + length + 1);
}

bool mail_address_within(const char *address, const char *allowed)
{
	const char *domain = strchr(address, '@');

	return !strcmp(address, allowed) || (domain && !strcmp(domain, allowed));
}

bool mail_address_pattern_valid(const char *text)
{
	return strlen(text) < MAIL_ADDRESS_BYTES &&
	       (*text == '@' ? dns_name_valid(text + 1) : mail_address_valid(text));
}
