/* SPDX-License-Identifier: MIT */
#pragma once

/* Pages of v8086.c below 64 KiB */
#define CODE_AT	   0x7000 /* the address of the code; its stack grows down from the code's end */
#define RESULTS_AT 0x6000 /* DS and ES */
#define WINDOW_AT  0x9000 /* FS and GS; mapped to the local APIC */
