/* SPDX-License-Identifier: MIT */
#pragma once

/* Mitigations in use on this machine (struct kernel_page). */
enum host_speculation {
	HOST_IBRS = 1 << 0,         /* enhanced or automatic: set once */
	HOST_IBRS_ON_EXIT = 1 << 1, /* the older kind, written at each VM exit */
	HOST_IBPB = 1 << 2,
	HOST_STIBP = 1 << 3,
	HOST_SSBD = 1 << 4,
	HOST_L1D_FLUSH = 1 << 5,
	HOST_VERW = 1 << 6,
};
/* Position of these bits in kernel_page.features. */
#define HOST_SPECULATION_SHIFT 32
