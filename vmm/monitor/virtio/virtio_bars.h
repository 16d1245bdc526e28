/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * BAR 0, in ports: a doorbell and nothing else. An exit for a port costs less than an exit for
 * memory.
 */
#define BAR_DOORBELL   0u
#define DOORBELL_BYTES 4u

/* The number of the memory BAR with all other structures, and their offsets in it. */
#define BAR_MEMORY	 2u
#define BAR_MEMORY_BYTES 0x4000u
#define AT_COMMON	 0x0000u
#define COMMON_BYTES	 0x0040u
#define AT_ISR		 0x0400u
#define AT_DEVICE	 0x0800u
#define DEVICE_BYTES	 0x0400u
#define AT_DOORBELL	 0x1000u
#define AT_MSIX		 0x2000u
#define AT_MSIX_PENDING	 0x3000u
