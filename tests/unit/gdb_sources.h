/* SPDX-License-Identifier: MIT */
#pragma once

/* The debugger's line, with COM3's door; who includes it has a log_message. */
#include "tests/fake_clock.h"
#include "lib/string.h"
#include "vmm/manager/gdb/gdb.c"
#include "vmm/manager/gdb/gdb_command.c"
#include "vmm/manager/gdb/gdb_login.c"
#include "vmm/manager/gdb/gdb_packet.h"
#include "vmm/manager/gdb/gdb_registers.h"
#include "vmm/manager/login/login.h"
#include "vmm/manager/login/password.h"
#include "vmm/manager/login/secret_line.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/manager/text/text.h"
#include "vmm/rt/crypto/hmac.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/crypto/sha256.h"
#include "vmm/rt/format.h"

void log_actor_set(const char *name)
{
	(void)name;
}
