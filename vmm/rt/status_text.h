/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"

/* The code in lower-case words ("no memory"), never NULL. */
const char *status_text(enum status status);
