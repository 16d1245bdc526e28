/* SPDX-License-Identifier: MIT */
/*
 * Lends a local APIC's page to the CPU while it virtualizes the APIC, and takes it back. Called by
 * vapic.c and by handlers that need the registers; moves interrupt requests posted meanwhile into
 * the page.
 */
#include "lib/bits.h"
#include "vmm/monitor/irqchip/irqchip.h"

/*
 * The registers that are kept of a local APIC that the host's CPU virtualizes (SDM vol. 3, chapter
 * 30). While the guest runs the CPU changes the page as it likes (25.11.4); an interrupt that comes
 * for the APIC meanwhile is posted, and the vCPU kicked.
 */

static const u32 kept_registers[LAPIC_KEPT_COUNT] = {LAPIC_ID, LAPIC_LVT_TIMER, LAPIC_TIMER_INITIAL,
						     LAPIC_TIMER_DIVIDE};

void lapic_page_lend(struct lapic *lapic)
{
	lapic->lent = true;
	for (u32 i = 0; i < LAPIC_KEPT_COUNT; i++)
		lapic->kept[i] = lapic_get(lapic, kept_registers[i]);
}

void lapic_finish_write(struct lapic *lapic, u32 offset)
{
	u32 value = lapic_get(lapic, offset);

	for (u32 i = 0; i < LAPIC_KEPT_COUNT; i++)
		if (offset == kept_registers[i])
			lapic_set(lapic, offset, lapic->kept[i]);
	lapic_write(lapic, offset, value);
}

void lapic_post(struct lapic *lapic, u32 vector, bool level)
{
	struct lapic_posted *posted = &lapic->posted;
	u32 bit = 1u << (vector % 32);

	posted->words |= (u8)(1u << (vector / 32));
	posted->request[vector / 32] |= bit;
	if (level)
		posted->level[vector / 32] |= bit;
	else
		posted->level[vector / 32] &= ~bit;
}

static void lapic_take_posted(struct lapic *lapic)
{
	struct lapic_posted *posted = &lapic->posted;

	for (u32 words = posted->words; words != 0; words &= words - 1) {
		u32 word = bit_lowest(words);

		for (u32 bits = posted->request[word]; bits != 0; bits &= bits - 1) {
			u32 bit = bit_lowest(bits);

			lapic_request(lapic, word * 32 + bit, posted->level[word] >> bit & 1);
		}
		posted->request[word] = 0;
	}
	posted->words = 0;
}

void lapic_page_recall(struct lapic *lapic)
{
	lapic->lent = false;
	lapic_find_words(lapic);
	if (lapic->posted.words != 0)
		lapic_take_posted(lapic);
}

void lapic_page_replaced(struct lapic *lapic)
{
	lapic->posted = (struct lapic_posted){0};
	lapic->moved = true;
	lapic->levels_moved = true;
	lapic_find_words(lapic);
}

void lapic_levels(const struct lapic *lapic, u64 levels[4])
{
	for (u32 i = 0; i < 4; i++)
		levels[i] = lapic_get(lapic, LAPIC_TMR + i * 0x20) |
			    (u64)lapic_get(lapic, LAPIC_TMR + i * 0x20 + 0x10) << 32;
}
