/* SPDX-License-Identifier: MIT */
#pragma once

#include "tests/faults/test_call.h"
#include "vmm/manager/command/command.h"

/* Makes the system call SYS_TEST. */
enum status fault_test(enum test_what what, u64 argument, u64 *value);
/* Does the same as fault_ask; if it fails, the reply is an error. */
void fault_do(struct reply *reply, enum test_what what, u64 argument);
