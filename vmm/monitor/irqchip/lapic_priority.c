/* SPDX-License-Identifier: MIT */
/*
 * Interrupt priorities of a local APIC: requests (IRR), in-service bits (ISR), acceptance and EOI.
 * Called by lapic.c and irqchip.c; changes the APIC's vector registers and tells the I/O APIC of
 * EOIs.
 */
#include "vmm/monitor/irqchip/irqchip.h"

/*
 * Returns the word with a vector's bit of ISR, TMR or IRR: 256 bits in eight words, 16 bytes apart.
 * This function and those that call it are part of every interrupt; inlined, `base` costs nothing.
 */
static ALWAYS_INLINE u32 *lapic_vector_word(const struct lapic *lapic, u32 base, u32 word)
{
	return &lapic->page->reg[base / 4 + (size_t)word * 4];
}

static ALWAYS_INLINE bool lapic_vector_test(const struct lapic *lapic, u32 base, u32 vector)
{
	return *lapic_vector_word(lapic, base, vector / 32) >> (vector % 32) & 1;
}

/* Returns where the bits are that say which words of ISR or IRR are not 0. */
static ALWAYS_INLINE u8 *lapic_words_of(struct lapic *lapic, u32 base)
{
	return base == LAPIC_ISR ? &lapic->words.in_service : &lapic->words.requested;
}

static ALWAYS_INLINE void lapic_vector_set(struct lapic *lapic, u32 base, u32 vector)
{
	*lapic_vector_word(lapic, base, vector / 32) |= 1u << (vector % 32);
	*lapic_words_of(lapic, base) |= (u8)(1u << (vector / 32));
	lapic->moved = true;
}

static ALWAYS_INLINE void lapic_vector_clear(struct lapic *lapic, u32 base, u32 vector)
{
	u32 *word = lapic_vector_word(lapic, base, vector / 32);

	*word &= ~(1u << (vector % 32));
	if (*word == 0)
		*lapic_words_of(lapic, base) &= (u8) ~(1u << (vector / 32));
	lapic->moved = true;
}

static ALWAYS_INLINE void lapic_level_set(struct lapic *lapic, u32 vector, bool level)
{
	if (likely(lapic_vector_test(lapic, LAPIC_TMR, vector) == level))
		return;
	*lapic_vector_word(lapic, LAPIC_TMR, vector / 32) ^= 1u << (vector % 32);
	lapic->levels_moved = true;
}

/*
 * Returns a bit for each of the eight words of ISR or IRR that is not 0. Unrolled, it takes three
 * instructions a word.
 */
static ALWAYS_INLINE u8 lapic_words_with_bits(const struct lapic *lapic, u32 base)
{
	u32 words = 0;

#pragma GCC unroll 8
	for (u32 i = 8; i-- > 0;)
		words = words * 2 + (*lapic_vector_word(lapic, base, i) != 0);
	return (u8)words;
}

void lapic_find_words(struct lapic *lapic)
{
	lapic->words.in_service = lapic_words_with_bits(lapic, LAPIC_ISR);
	lapic->words.requested = lapic_words_with_bits(lapic, LAPIC_IRR);
}

static ALWAYS_INLINE int lapic_vector_highest(const struct lapic *lapic, u32 base, u8 words)
{
	u32 word;

	if (words == 0)
		return -1;
	word = bit_highest(words);
	return (int)(word * 32 + bit_highest(*lapic_vector_word(lapic, base, word)));
}

static ALWAYS_INLINE int lapic_highest_in_service(const struct lapic *lapic)
{
	return lapic_vector_highest(lapic, LAPIC_ISR, lapic->words.in_service);
}

static ALWAYS_INLINE int lapic_highest_requested(const struct lapic *lapic)
{
	return lapic_vector_highest(lapic, LAPIC_IRR, lapic->words.requested);
}

bool lapic_is_requested(const struct lapic *lapic, u32 vector)
{
	return lapic_vector_test(lapic, LAPIC_IRR, vector) ||
	       (lapic->posted.request[vector / 32] >> (vector % 32) & 1);
}

u16 lapic_interrupt_status(const struct lapic *lapic)
{
	return (u16)(MAX(lapic_highest_requested(lapic), 0) |
		     MAX(lapic_highest_in_service(lapic), 0) << 8);
}

/* Returns the vCPU's processor priority (PPR): SDM vol. 3, 11.8.3.1. */
static ALWAYS_INLINE u32 lapic_processor_priority(const struct lapic *lapic)
{
	int in_service;
	u32 tpr = lapic_get(lapic, LAPIC_TPR);

	/* the host's CPU keeps PPR up to date while it has the page (SDM vol. 3, 30.1.3) */
	if (lapic->lent)
		return lapic_get(lapic, LAPIC_PPR);
	in_service = lapic_highest_in_service(lapic);
	if (in_service < 0 || tpr >> 4 >= (u32)in_service >> 4)
		return tpr;
	return (u32)in_service & 0xf0;
}

u32 lapic_ppr(const struct lapic *lapic)
{
	return lapic_processor_priority(lapic);
}

int lapic_pending(const struct lapic *lapic)
{
	int vector = lapic_highest_requested(lapic);

	if (vector < 0 || (u32)vector >> 4 <= lapic_processor_priority(lapic) >> 4 ||
	    lapic_mode(lapic) == LAPIC_OFF)
		return -1;
	return vector;
}

void lapic_accept(struct lapic *lapic, u32 vector)
{
	lapic_vector_clear(lapic, LAPIC_IRR, vector);
	lapic_vector_set(lapic, LAPIC_ISR, vector);
	lapic_set(lapic, LAPIC_PPR, vector & 0xf0);
}

bool lapic_put_back(struct lapic *lapic, u32 vector)
{
	if (lapic_highest_in_service(lapic) != (int)vector)
		return false;
	lapic_vector_clear(lapic, LAPIC_ISR, vector);
	lapic_vector_set(lapic, LAPIC_IRR, vector);
	lapic_set(lapic, LAPIC_PPR, lapic_processor_priority(lapic));
	return true;
}

void lapic_eoi(struct lapic *lapic)
{
	int vector = lapic_highest_in_service(lapic);

	if (vector < 0)
		return;
	lapic_vector_clear(lapic, LAPIC_ISR, (u32)vector);
	lapic_set(lapic, LAPIC_PPR, lapic_processor_priority(lapic));
	if (unlikely(lapic_vector_test(lapic, LAPIC_TMR, (u32)vector)))
		lapic_eoi_broadcast(lapic, (u32)vector);
}

void lapic_eoi_broadcast(struct lapic *lapic, u32 vector)
{
	/*
	 * SDM vol. 3, 11.8.5: the EOI of a level-triggered interrupt is broadcast, unless software
	 * has turned the broadcast off.
	 */
	if (lapic_vector_test(lapic, LAPIC_TMR, vector) &&
	    !(lapic_get(lapic, LAPIC_SVR) & LAPIC_SVR_EOI_SUPPRESSION))
		ioapic_eoi(&lapic->irqchip->ioapic, vector);
}

bool lapic_eoi_is_private(const struct lapic *lapic)
{
	int vector = lapic_highest_in_service(lapic);

	return vector >= 0 && !lapic_vector_test(lapic, LAPIC_TMR, (u32)vector) &&
	       lapic_highest_requested(lapic) < 0;
}

void lapic_set_cr8(struct lapic *lapic, u64 value)
{
	lapic_set(lapic, LAPIC_TPR, (u32)(value & 0xf) << 4);
	lapic_set(lapic, LAPIC_PPR, lapic_ppr(lapic));
}

void lapic_request(struct lapic *lapic, u32 vector, bool level)
{
	lapic_vector_set(lapic, LAPIC_IRR, vector);
	lapic_level_set(lapic, vector, level);
}

static ALWAYS_INLINE bool lapic_accept_fixed(struct lapic *lapic, u32 vector, bool level)
{
	if (!(lapic_get(lapic, LAPIC_SVR) & LAPIC_SVR_ENABLE))
		return false;
	if (vector < 16) {
		lapic_error(lapic, LAPIC_ESR_RECEIVED_ILLEGAL_VECTOR);
		return false;
	}
	if (lapic->lent)
		lapic_post(lapic, vector, level);
	else
		lapic_request(lapic, vector, level);
	irqchip_kick(lapic->irqchip, lapic);
	return true;
}

bool lapic_deliver(struct lapic *lapic, u32 mode, u32 vector, bool level)
{
	struct lapic_state *state = &lapic->state;

	if (lapic_mode(lapic) == LAPIC_OFF)
		return false;
	switch (mode) {
	case APIC_FIXED:
	case APIC_LOWEST_PRIORITY:
		return lapic_accept_fixed(lapic, vector, level);
	case APIC_NMI:
		if (state->nmi_count < LAPIC_NMI_MAX)
			state->nmi_count++;
		break;
	case APIC_INIT:
		state->init_pending = 1;
		state->sipi_pending = 0;
		break;
	case APIC_SIPI:
		/* A SIPI is lost unless the processor waits for it (SDM vol. 3, 9.4.2). */
		if (!state->wait_for_sipi && !state->init_pending)
			return false;
		state->sipi_pending = 1;
		state->sipi_vector = (u8)vector;
		break;
	default: /* SMI does nothing, as there is no SMM here; ExtINT has its own path */
		return false;
	}
	irqchip_kick(lapic->irqchip, lapic);
	return true;
}

void lapic_local(struct lapic *lapic, u32 offset)
{
	u32 entry = lapic_get(lapic, offset);
	u32 mode = (u32)bits_get(entry, 10, 8);
	bool level = mode == APIC_FIXED && offset == LAPIC_LVT_LINT0 && entry & LAPIC_LVT_LEVEL;

	if (!(entry & LAPIC_LVT_MASKED) && mode != APIC_EXTINT)
		lapic_deliver(lapic, mode, entry & LAPIC_LVT_VECTOR, level);
}

bool lapic_accepts_extint(const struct lapic *lapic)
{
	u32 entry = lapic_get(lapic, LAPIC_LVT_LINT0);

	/* A disabled APIC passes INTR straight through (SDM vol. 3, 11.4.3). */
	if (lapic_mode(lapic) == LAPIC_OFF)
		return true;
	return !(entry & LAPIC_LVT_MASKED) && bits_get(entry, 10, 8) == APIC_EXTINT;
}
