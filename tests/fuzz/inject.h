/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/vcpu.h"
#include "tests/fuzz/fuzz.h"

/* An event that a monitor gone bad asks a back end to inject; `shape` is a byte of the input. */
static inline struct vcpu_event fuzz_inject(struct fuzz *fuzz, u8 shape)
{
	static const u8 types[] = {EVENT_INTERRUPT, EVENT_NMI, EVENT_EXCEPTION,
				   EVENT_SOFTWARE_INTERRUPT};
	struct vcpu_event event = {.valid = shape >> 2 & 1, .type = types[shape >> 3 & 3]};

	event.vector = fuzz_u8(fuzz);
	event.has_error_code = shape >> 5 & 1;
	event.error_code = fuzz_u32(fuzz);
	event.instruction_length = fuzz_u8(fuzz);
	return event;
}
