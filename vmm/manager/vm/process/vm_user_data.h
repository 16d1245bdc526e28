/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct file;
struct vm;
struct vm_config;
struct vm_user_data;

/*
 * Adds a piece to a text, of which `at` bytes have come; 0 begins a new text. Returns false, with
 * the reason in `problem`, for a piece that has no place there; the text is then gone.
 */
bool vm_user_data_add(struct vm_user_data *text, u64 at, const u8 *bytes, u64 count, char *problem,
		      size_t size);
/* Returns whether the text is one that cloud-init can read; if not, `problem` says why. */
bool vm_user_data_check(const struct vm_user_data *text, char *problem, size_t size);
/* Overwrites the text and frees its memory; the size stays known. */
void vm_user_data_drop(struct vm_user_data *text);

/* Returns whether the VM's seed is a text that came with `vm create`. */
bool vm_user_data_is_given(const struct vm_config *config);
/* Drops the text that the VM's guest has used, or that its configuration no longer wants. */
void vm_user_data_settle(struct vm *vm);
/*
 * Gives a clone a copy of the text, or notes that the text is gone. Returns false, with the reason
 * in `problem`, if there is no memory for the copy.
 */
bool vm_user_data_clone(struct vm *clone, const struct vm *from, char *problem, size_t size);
/* Describes the text as a file to be mapped into a monitor. */
struct file vm_user_data_file(const struct vm *vm);
/* Returns the pages that the manager spends on the VM's text. */
u64 vm_user_data_pages(const struct vm *vm);
