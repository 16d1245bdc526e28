/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "lib/types.h"
#include "tests/faults/test_call.h"

/* alloc.c: allocations that fail. */
enum status fault_alloc(enum test_what what, u64 argument, u64 *value);

/* broken.c: invariants that do not hold. STATUS_NOT_FOUND: there are not two VMs with RAM. */
enum status fault_break(u64 what);
enum status fault_mend(void);
