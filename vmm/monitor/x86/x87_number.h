/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "lib/types.h"

/* Numbers as the x87 has them in registers and memory: SDM vol. 1, 4.2 and 8.2. */

/* The x87's exceptions, which have the same bits in the status and the control word. */
#define X87_IE	       BIT(0)
#define X87_DE	       BIT(1)
#define X87_OE	       BIT(3)
#define X87_UE	       BIT(4)
#define X87_PE	       BIT(5)
#define X87_EXCEPTIONS BITS(5, 0)
#define X87_SF	       BIT(6)
#define X87_ES	       BIT(7)
#define X87_BUSY       BIT(15)
#define X87_TRUNCATING BITS(11, 10) /* the rounding control that rounds towards 0 */

/* A number in the x87's extended real format. Operands of other formats have only the low part. */
struct x87_bits {
	u64 low;  /* the mantissa with its integer bit */
	u16 high; /* bit 15 the sign, below it the exponent */
};

#define X87_INDEFINITE ((struct x87_bits){0xc000000000000000ull, 0xffff})

struct x87_rounding {
	u16 control;
	u32 exceptions; /* result: the exceptions that the conversion raises */
	bool up;	/* result: rounding has made the magnitude larger */
};

struct x87_bits x87_from_integer(u64 value, u32 bytes);
struct x87_bits x87_from_real(u64 value, u32 bytes, u32 *exceptions);
u64 x87_to_integer(struct x87_bits value, u32 bytes, struct x87_rounding *rounding);
u64 x87_to_real(struct x87_bits value, u32 bytes, struct x87_rounding *rounding);
struct x87_bits x87_integer_indefinite(u32 bytes);
struct x87_bits x87_real_indefinite(u32 bytes);
