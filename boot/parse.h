/* SPDX-License-Identifier: MIT */
#pragma once

#include "boot/boot_info.h"

/* The memory that a parser may read: addresses 0 to size - 1, which lie at `base`. */
struct boot_view {
	uintptr_t base;
	u64 size;
};

/* Returns the `length` bytes at `address`; NULL if the view does not show all of them. */
const void *boot_view(const struct boot_view *view, u64 address, u64 length);

/*
 * Each parser fills `info` (zeroed by the caller) from the data that one kind of loader left at
 * `address`, trusting no number in it. Memory regions stay as the loader gave them. Returns NULL,
 * or a sentence that says what is wrong.
 */
const char *multiboot2_parse(const struct boot_view *view, u64 address, struct boot_info *info);
const char *pvh_parse(const struct boot_view *view, u64 address, struct boot_info *info);

/*
 * Helpers of both parsers, which add a memory region or a text to `info`. `text` has at most `size`
 * bytes and need not be terminated. The functions return NULL, or a sentence that says what is
 * wrong, as the parsers do.
 */
const char *boot_add_region(struct boot_info *info, u64 base, u64 length, u32 type);
const char *boot_add_module(struct boot_info *info, u64 base, u64 length, const char *text,
			    size_t size);
void boot_copy_text(char *to, size_t to_size, const char *text, size_t size);
