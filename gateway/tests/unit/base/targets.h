/* SPDX-License-Identifier: MIT */
#pragma once

/* The code that reads where alerts go. */
#include "gateway/base/dns_name.c"
#include "gateway/base/hook_url.c"
#include "gateway/base/mail_address.c"
