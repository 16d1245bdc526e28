/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/*
 * Returns whether a text in lower case is a name of DNS. Its last label begins with a letter, so
 * that no resolver takes it for an address in an old form, such as 0x7f.1 or 2130706433.
 */
bool dns_name_valid(const char *host);
