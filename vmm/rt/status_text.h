/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"

/* Returns the code in lower-case words ("no memory"), never NULL. */
const char *status_text(enum status status);
