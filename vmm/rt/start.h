/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/start.h"

/* The information that the process was started with, mapped read-only for its whole life. */
extern const struct start_info *start_info;
/*
 * True if the kernel is called by SYSENTER, false if by SYSCALL; set from start_info's
 * syscall_method.
 */
extern bool start_sysenter;

/*
 * The program's own code. Called on the first thread once everything in vmm/rt is ready; its result
 * becomes the process's exit code.
 */
int main(void);

/*
 * start_find returns the first start entry of a kind, start_next the one after `entry` of the same
 * kind; NULL: there is none.
 */
const struct start_entry *start_find(enum start_kind kind);
const struct start_entry *start_next(const struct start_entry *entry);
/* Returns the handle of the first start entry of a kind; HANDLE_NONE if there is none. */
handle_t start_handle(enum start_kind kind);
/*
 * Returns the handle of the start entry of a kind that has this `value`; HANDLE_NONE if there is
 * none.
 */
handle_t start_handle_of(enum start_kind kind, u64 value);

/*
 * Frees the resources of dead processes of the same group, for a process that is started anew. Each
 * system call of a group frees a piece, so this function makes calls that do nothing else. Idle
 * CPUs free pieces too, but no CPU may be idle for a long time. Otherwise a process that dies again
 * and again would in the end find no quota left.
 */
void start_free_predecessor(void);

/* Creates a thread with a stack of its own (64 KiB, guard page below) in this process. */
enum status thread_start(void (*function)(void *argument), void *argument) MUST_CHECK;

/* Ends the process; its exit code shows the reason. */
NORETURN void rt_fail(const char *text);
