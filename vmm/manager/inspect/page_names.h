/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/pages.h"

/*
 * Return the name of an enum page_owner, such as "guest", or with "pages-" before it; "?" behind
 * the last.
 */
const char *page_owner_name(u32 owner);
const char *page_owner_name_pages(u32 owner);
