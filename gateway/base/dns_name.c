/* SPDX-License-Identifier: MIT */
/*
 * Checks names of DNS. The readers of web hooks' URLs and of addresses of mail call it; it looks at
 * its argument and nothing else.
 */
#include "gateway/base/dns_name.h"

#include <ctype.h>

bool dns_name_valid(const char *host)
{
	const char *label = host;

	for (const char *at = host;; at++) {
		if (*at == '.' || !*at) {
			if (at == label || at - label > 63 || *label == '-' || at[-1] == '-')
				return false;
			if (!*at)
				return isalpha((unsigned char)*label);
			label = at + 1;
		} else if (!islower((unsigned char)*at) && !isdigit((unsigned char)*at) &&
			   *at != '-' && *at != '_') {
			return false;
		}
	}
}
