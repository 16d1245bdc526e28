/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/vcpu.h"

/*
 * Set a vCPU's registers before its first instruction. Each function sets every register group in
 * the vCPU page and marks it dirty; the caller then sets the general registers that its boot
 * protocol asks for.
 */

/*
 * The code selector of the loader's GDT; data follows it. The Linux boot protocol asks for its own.
 * No other specification does; most kernels' first GDT has null, code and data in this order, so
 * kernels work that load their GDT but keep using the loader's selectors, as on QEMU.
 */
enum start_selector {
	START_CS = 0x08,
	START_CS_LINUX = 0x10,
};

/* Sets the registers after RESET (SDM vol. 3, table 10-1): real mode at 0xfffffff0. */
void start_state_reset(struct vcpu_page *page);

/*
 * Sets the registers after INIT: as after RESET, but MSRs, XCR0, CR0.CD and CR0.NW keep their
 * values. Reads CR0 in the vCPU page.
 */
void start_state_init(struct vcpu_page *page);

/*
 * Sets the registers that a start-up IPI gives after RESET or INIT: real mode at address vector <<
 * 12 (SDM vol. 3, 9.4.4.1).
 */
void start_state_sipi(struct vcpu_page *page, u8 vector);

/* Sets the registers for real mode at 0:ip, with all segments at 0. */
void start_state_real(struct vcpu_page *page, u16 ip);

/* Sets flat 32-bit protected mode without paging. Writes the GDT into the guest's RAM. */
void start_state_protected(struct vcpu_page *page, u8 *ram, enum start_selector code, u32 eip);

/*
 * Sets the registers for 64-bit mode at `rip` as Linux expects them, with the first 4 GiB mapped to
 * themselves. Writes GDT and page tables.
 */
void start_state_long(struct vcpu_page *page, u8 *ram, u64 rip);
