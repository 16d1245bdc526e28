/* SPDX-License-Identifier: MIT */
#pragma once

/* The linker script of ring-3 images needs only this number. */
#ifdef __ASSEMBLER__
#define IMAGE_MAGIC 0x4547414d49594b53
#else
#include "lib/types.h"

#define IMAGE_MAGIC 0x4547414d49594b53ull

/*
 * A ring-3 image: position-independent, in whole pages, laid out as text, rodata, data, bss from
 * its first byte (this header is the start of the text). The image relocates itself: all that needs
 * relocation is in data. Text and rodata are mapped shared, data is copied, bss is zero. Behind bss
 * lies a page that the process can only read: its first eight bytes are the stack canary, random
 * but for the lowest byte, which is 0.
 */
struct image_header {
	u64 magic;
	u32 text_pages;
	u32 rodata_pages;
	u32 data_pages;
	u32 bss_pages;
	u64 entry; /* offset of the first instruction from the image's first byte; in the text */
};
#endif
