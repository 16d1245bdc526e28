/* SPDX-License-Identifier: MIT */
#pragma once

/* The debugger's line, with COM3's door; who includes it has a log_message. */
#include "tests/fake_clock.h"
#include "lib/string.c"
#include "vmm/manager/gdb/gdb.c"
#include "vmm/manager/gdb/gdb_command.c"
#include "vmm/manager/gdb/gdb_login.c"
#include "vmm/manager/gdb/gdb_packet.c"
#include "vmm/manager/gdb/gdb_registers.c"
#include "vmm/manager/login/login.c"
#include "vmm/manager/login/password.c"
#include "vmm/manager/login/secret_line.c"
#include "vmm/manager/text/parse_number.c"
#include "vmm/manager/text/text.c"
#include "vmm/rt/crypto/hmac.c"
#include "vmm/rt/crypto/secret.c"
#include "vmm/rt/crypto/sha256.c"
#include "vmm/rt/format.c"

void log_actor_set(const char *name)
{
	(void)name;
}
