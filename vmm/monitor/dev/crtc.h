/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/bus/device.h"

#define CRTC_INDEX_PORT 0x3d4u
#define CRTC_PORT_COUNT 2u
#define CRTC_REGISTERS	25u /* registers 0 to 0x18 */

struct crtc_state {
	u8 index;
	u8 value[CRTC_REGISTERS];
	u8 reserved[6];
};

/*
 * The CRT controller of a VGA in colour text mode, for kernels that keep their cursor's position
 * there while they write to the text memory (LAYOUT_VGA_END). Its registers are kept but show
 * nothing.
 */
struct crtc {
	struct device device;
	struct crtc_state state;
};

enum status crtc_attach(struct platform *platform, const struct platform_config *config) MUST_CHECK;
