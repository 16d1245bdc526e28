/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/vcpu.h"

/* Returns the name of an enum exit_reason, as `vm stat` shows it; "unknown" past the last. */
const char *exit_name(u32 reason);
