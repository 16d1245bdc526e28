/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a proof by CBMC needs: values that can be anything, what is assumed and what is shown. One
 * CPU at a time: a lock is always free. REACHED marks a place to which at least one state must
 * lead, because a proof whose assumptions contradict each other shows nothing.
 */
#include "lib/bits.h"
#include "lib/types.h"

#include "lib/lock.h"
#define lock_acquire(lock, rank) ((void)(lock))
#define lock_release(lock, rank) ((void)(lock))

u64 nondet_u64(void);
u32 nondet_u32(void);
u8 nondet_u8(void);
bool nondet_bool(void);

#define ANY_U64	 nondet_u64()
#define ANY_U32	 nondet_u32()
#define ANY_U8	 nondet_u8()
#define ANY_BOOL nondet_bool()

#define ASSUME(condition)	  __CPROVER_assume(condition)
#define SHOW(condition, sentence) __CPROVER_assert(condition, sentence)
#ifdef VACUOUS
#undef SHOW
#define SHOW(condition, sentence) ((void)(condition))
#define REACHED(sentence)	  __CPROVER_assert(false, "reached: " sentence)
#else
#define REACHED(sentence) ((void)0)
#endif

/* Any number from `low` to `high`. */
static inline u64 any_of(u64 low, u64 high)
{
	u64 any = ANY_U64;

	ASSUME(any >= low && any <= high);
	return any;
}

/*
 * Makes the call for each value of the variable from 0 to 3 by itself. What the call reads and
 * writes is then in places that CBMC knows, for which it needs a small part of the time.
 */
#define BY_VALUE(variable, call)                                                                   \
	do {                                                                                       \
		if ((variable) == 0) {                                                             \
			(variable) = 0;                                                            \
			call;                                                                      \
		} else if ((variable) == 1) {                                                      \
			(variable) = 1;                                                            \
			call;                                                                      \
		} else if ((variable) == 2) {                                                      \
			(variable) = 2;                                                            \
			call;                                                                      \
		} else if ((variable) == 3) {                                                      \
			(variable) = 3;                                                            \
			call;                                                                      \
		}                                                                                  \
	} while (0)

/* A check of the kernel that is not true is a failure; nothing comes after it. */
void panic(const char *text, ...)
{
	(void)text;
	SHOW(false, "the kernel does not panic");
	ASSUME(false);
	for (;;)
		;
}
