/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/start.h"

/* What the process was started with; mapped read-only for its whole life. */
extern const struct start_info *start_info;
/* The kernel is called by SYSENTER, else by SYSCALL: syscall_method, in one word. */
extern bool start_sysenter;

/*
 * The program: called on the first thread once everything in vmm/rt is ready; its result ends the
 * process.
 */
int main(void);

/* The first entry of a kind, or NULL; start_next the one after `entry` of the same kind. */
const struct start_entry *start_find(enum start_kind kind);
const struct start_entry *start_next(const struct start_entry *entry);
/* The handle of the first entry of a kind; HANDLE_NONE when there is none. */
handle_t start_handle(enum start_kind kind);
/* Of the one of a kind with this `value`, likewise. */
handle_t start_handle_of(enum start_kind kind, u64 value);

/*
 * For processes that are started anew in the same group. Each system call of a group frees a piece
 * of what its dead processes had; idle CPUs do so too, but there may be none for long. Makes calls
 * that do nothing else: otherwise who dies again and again finds no quota left in the end.
 */
void start_free_predecessor(void);

/* Creates a thread with a stack of its own (64 KiB, guard page below) in this process. */
enum status thread_start(void (*function)(void *argument), void *argument) MUST_CHECK;

/* Ends the process with a reason that shows in its exit code. */
NORETURN void rt_fail(const char *text);
