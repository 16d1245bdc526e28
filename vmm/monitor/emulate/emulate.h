/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/emulate/emulate_types.h"

/*
 * Carries out the instructions that hardware leaves to a monitor: those that touch device memory,
 * and string port I/O. A guest may put any instruction there, and change it meanwhile; the bytes of
 * the instruction are fetched once, through the guest's page tables and with its rights.
 */

/*
 * Executes the instruction at CS:RIP, whose memory access has ended in EXIT_MEMORY. With
 * EMULATE_FAULT *event is the fault; with EMULATE_DONE it is valid only if a single step calls for
 * #DB.
 */
enum emulate_result emulate(struct emulator *emulator, struct vcpu_event *event);

/* Executes the string I/O instruction of the EXIT_IO in page->exit (IO_STRING is set). */
enum emulate_result emulate_io_string(struct emulator *emulator, struct vcpu_event *event);

/*
 * Fetches and decodes the instruction at CS:RIP; returns EMULATE_DONE on success. RIP does not
 * move.
 */
enum emulate_result emulate_decode(struct emulator *emulator, struct x86_instruction *out,
				   struct vcpu_event *event);

/*
 * Sets the length of the instruction at CS:RIP, for exits that do not report it; RIP does not move.
 */
enum emulate_result emulate_instruction_length(struct emulator *emulator, u32 *length,
					       struct vcpu_event *event);
