/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/bus/device.h"

#define DEBUG_EXIT_PORT 0xf4u
/* number of the debug-exit port's bytes: some programs write to it as a dword */
#define DEBUG_EXIT_BYTES 4u
/* a second debug-exit port, the default one of QEMU's debug-exit device */
#define DEBUG_OTHER_EXIT  0x501u
#define DEBUG_OTHER_BYTES 2u
#define DEBUG_CODE_PORT	  0x80u

struct debug_state {
	u64 code; /* the last POST code: the byte last written to port 0x80 */
};

/*
 * The debug exit port (a byte written there ends the VM with that code) and the port of POST codes.
 */
struct debug {
	struct device device;
	struct debug_state state;
};

enum status debug_attach(struct platform *platform,
			 const struct platform_config *config) MUST_CHECK;
