/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/ioapic.h"
#include "tests/guest/rt/cpu.h"
#include "vmm/hw/lapic_guest.h"
#include "vmm/hw/pic.h"
#include "vmm/hw/pit.h"
#include "vmm/monitor/dev/mc146818.h"

/* Vectors that the guests use */
#define VECTOR_PIC_MASTER 0x20u
#define VECTOR_PIC_SLAVE  0x28u
#define VECTOR_TIMER	  0x40u
#define VECTOR_IOAPIC	  0x48u
#define VECTOR_LOW	  0x50u
#define VECTOR_HIGH	  0x60u
#define VECTOR_SPURIOUS	  0xffu

/* devices.c */
static inline u32 lapic_get(u32 reg)
{
	return *register32(LAPIC_DEFAULT_ADDRESS + reg);
}

static inline void lapic_put(u32 reg, u32 value)
{
	*register32(LAPIC_DEFAULT_ADDRESS + reg) = value;
}

void lapic_enable(void);
/* ends the interrupt; may be used as a hook of a trap */
void lapic_end_of_interrupt(struct trap_frame *frame);
bool lapic_requested(u32 vector); /* returns the vector's bit of IRR */
void lapic_send_self(u32 low);	  /* low word of the ICR without the shorthand */

u32 ioapic_get(u32 reg);
void ioapic_put(u32 reg, u32 value);
void ioapic_route(u32 pin, u32 low); /* routes the pin to this CPU */

void pic_start(u8 mask_master, u8 mask_slave);
void pic_mask_all(void);
/* ends the interrupt at both PICs; may be used as a hook of a trap */
void pic_end_of_interrupt(struct trap_frame *frame);

void pit_start(u32 channel, enum pit_mode mode, u16 count);
u16 pit_latch(u32 channel);

u8 rtc_get(u8 reg);
void rtc_put(u8 reg, u8 value);

/* The rate of the ACPI PM timer of the FADT, 3,579,545 Hz, which clock.c reads. */
#define PM_TIMER_HZ 3579545u
#define US_PER_S    1000000u
word acpi_find(u32 signature); /* returns a table's address; 0: there is no such table */
/* returns false if there is no PM timer; checks fail then, and so does the guest */
bool clock_init(void);
u32 clock_ticks(void);
/* Microseconds since `since`; at most about 4 s apart where the timer has 24 bits. */
u32 clock_us_since(u32 since);
u16 clock_port(void);
bool clock_is_wide(void); /* 32 bits */

/* Waits until *counter reaches `count`; false after `limit_us`, busily or halted. */
bool wait_count(const volatile u32 *counter, u32 count, u32 limit_us);
/* Spins for this long. */
void wait_us(u32 us);

/*
 * Checks a duration that other work on the host may lengthen, but never shorten: measures up to ten
 * times, until the result is at most one and a half times what it should be.
 */
void check_duration(const char *name, u32 (*measure)(void), u32 us);

/*
 * Returns the counts of the local APIC's timer in a millisecond, divided by 16; leaves the timer
 * stopped. In measure.c.
 */
u32 lapic_counts_per_ms(void);

/* Halts until good() returns true; each interrupt lets it look again. */
void wait_for(bool (*good)(void));
/* Halts for this long, by the local APIC's timer. */
void wait_gap_ms(u32 ms);
/* "WHAT 0x...", for whoever reads the console. */
void say(const char *what, u64 value);
/* "MEDIAN K 0x..." and "TAIL K 0x...": of so many samples, which it sorts; the 99th percentile. */
void say_samples(char key, u64 *sample, u32 count);
/* The next character that was typed at COM1; none: 0. */
char typed(void);
