/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/pages.h"

/* The name of an enum page_owner: "guest", and "pages-guest"; "?" past the last. */
const char *page_owner_name(u32 owner);
const char *page_owner_name_pages(u32 owner);
