/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

enum { MAIL_ADDRESS_BYTES = 255 };

/*
 * Returns whether a text is an address of mail, LOCAL@DOMAIN: of all that RFC 5321 allows, letters,
 * digits and _+=-. before the sign, where a point stands alone and inside and '-' not first, and a
 * name of DNS in lower case behind it. No character of it has a meaning in a message's head, for a
 * shell, or as an option of a program.
 */
bool mail_address_valid(const char *text);
/*
 * Returns whether an address is the one that `allowed` is, or of the domain that `allowed` names as
 * @DOMAIN.
 */
bool mail_address_within(const char *address, const char *allowed);
/* Returns whether a text is an address or @DOMAIN. */
bool mail_address_pattern_valid(const char *text);
