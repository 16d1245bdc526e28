/* SPDX-License-Identifier: MIT */
#pragma once

/* A question to a VM's monitor, with the asker's notes about it: vm_query.h. */
#include "vmm/rt/query.h"

struct vm_query {
	u32 vm_id;
	u32 number; /* the question's number; 0: the question was not asked yet */
	u64 deadline_tsc;
	struct query question;
	const void *input; /* the bytes sent with the question, valid until the question is asked */
	u32 input_bytes;   /* the length of `input`, at most QUERY_INPUT_BYTES */
};
