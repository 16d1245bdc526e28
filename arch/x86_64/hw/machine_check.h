/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "lib/types.h"

/* Machine-check architecture: SDM vol. 3, 16.3; APM vol. 2, 9.3. */

#define MCG_CAP_BANKS	BITS(7, 0)
#define MCG_CAP_CONTROL BIT(8) /* the CPU has MSR_MCG_CTL */
/* software error recovery: bit S of a bank's STATUS and the address mode in its MISC are valid */
#define MCG_CAP_SER	BIT(24)
#define MCG_STATUS_RIPV BIT(0) /* the interrupted code can be resumed */
#define MCG_STATUS_MCIP BIT(2) /* machine check in progress: not yet cleared by a handler */

/* Four MSRs per bank, from MSR_MC0_CTL on. */
enum machine_check_register { MCI_CTL, MCI_STATUS, MCI_ADDR, MCI_MISC, MCI_REGISTERS };

#define MCI_STATUS_S	 BIT(56) /* signalled by #MC */
#define MCI_STATUS_PCC	 BIT(57) /* the CPU's own state is corrupt */
#define MCI_STATUS_ADDRV BIT(58)
#define MCI_STATUS_MISCV BIT(59)
#define MCI_STATUS_UC	 BIT(61) /* the error was not corrected */
#define MCI_STATUS_OVER	 BIT(62) /* the bank had another error, which was lost */
#define MCI_STATUS_VAL	 BIT(63)

#define MCI_MISC_LOWEST_BIT    BITS(5, 0) /* lowest valid bit of the error's address */
#define MCI_MISC_MODE	       BITS(8, 6)
#define MCI_MISC_MODE_PHYSICAL (2ull << 6)

/* An uncorrected error, as the #MC handler found it in a bank. */
struct machine_check {
	u64 global; /* MSR_MCG_STATUS; after several errors only the bits set at all of them */
	u64 status; /* the bank's status; 0: there was no error */
	u64 address;
	u64 misc;
	u32 bank;
	u32 count; /* the number of errors recorded in this struct */
	bool more; /* a page other than that of `address` had an error, too */
};
