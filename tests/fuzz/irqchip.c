/* SPDX-License-Identifier: MIT */
/*
 * The interrupt controllers together: 8259s, I/O APIC and four local APICs, with register accesses,
 * changing lines, passing time and CPUs that take what is pending for them.
 */
#include "tests/fuzz/fuzz.h"

#include "tests/unit/irqchip_fixture.h"

#define PHYSICAL_BITS_OF_GUEST 40u

static void check_lapic(struct lapic *lapic)
{
	struct lapic_saved saved;
	struct lapic_saved again;

	CHECK_THAT(lapic->state.nmi_count <= LAPIC_NMI_MAX);
	CHECK_THAT(lapic_ppr(lapic) <= 0xff && lapic_get_cr8(lapic) <= 15);
	CHECK_THAT(lapic_pending(lapic) < 256);
	lapic_tick(lapic);
	lapic_save(lapic, &saved);
	CHECK_THAT(lapic_load(lapic, &saved) == STATUS_OK);
	lapic_save(lapic, &again);
	CHECK_THAT(memcmp(&saved, &again, sizeof(saved)) == 0);
}

static void check_device(struct device *device)
{
	u64 saved[64];

	CHECK_THAT(device_save(device, saved, device->state_bytes) == STATUS_OK);
	CHECK_THAT(device_load(device, saved, device->state_bytes) == STATUS_OK);
	CHECK_THAT(memcmp(saved, device->state, device->state_bytes) == 0);
}

/* A state with one word changed is refused, or does the APIC no harm. */
static void load_any(struct lapic *lapic, struct fuzz *fuzz)
{
	struct lapic_saved saved;
	u32 at = fuzz_u16(fuzz) % (sizeof(saved) / 4);
	u32 word = (u32)fuzz_number(fuzz);

	lapic_save(lapic, &saved);
	memcpy((u8 *)&saved + 4 * at, &word, sizeof(word));
	(void)!lapic_load(lapic, &saved);
}

/* Does what a CPU does between two instructions. */
static void run_cpu(u32 cpu)
{
	u32 pending = irqchip_pending(&chip, cpu);

	if (pending & PENDING_INIT) {
		irqchip_take_init(&chip, cpu);
	} else if (pending & PENDING_SIPI) {
		(void)irqchip_take_sipi(&chip, cpu);
	} else if (pending & PENDING_NMI) {
		irqchip_take_nmi(&chip, cpu);
	} else if (pending & PENDING_MASKABLE) {
		int vector = irqchip_take_interrupt(&chip, cpu);

		CHECK_THAT(vector >= 0 && vector < 256);
	}
}

static void pass_time(u64 ns)
{
	fixture_clock.now_ns += ns;
	fixture_clock.guest_tsc += 2 * ns;
	for (u32 i = 0; i < CPUS; i++) {
		lapic_tick(&chip.lapic[i]);
		CHECK_THAT(lapic_deadline(&chip.lapic[i]) > fixture_clock.now_ns);
	}
}

/* Mostly the x2APIC's registers; also the base with another mode, and any other MSR. */
static u32 choose_msr(struct fuzz *fuzz, const struct lapic *lapic, u64 *value)
{
	u8 which = fuzz_u8(fuzz);

	*value = fuzz_number(fuzz);
	if (which < 0xc0)
		return MSR_X2APIC_BASE + (which & 0x3f);
	if (which < 0xe0)
		*value = lapic->state.apic_base ^ (which & 3ull) << 10;
	return which < 0xf0   ? MSR_APIC_BASE
	       : which < 0xf8 ? MSR_TSC_DEADLINE
			      : MSR_X2APIC_BASE + fuzz_u8(fuzz);
}

static void access_msr(struct lapic *lapic, struct fuzz *fuzz, bool write)
{
	u64 value;
	u32 msr = choose_msr(fuzz, lapic, &value);

	CHECK_THAT(lapic_owns_msr(msr));
	if (write)
		(void)!lapic_msr_write(lapic, msr, value, PHYSICAL_BITS_OF_GUEST);
	else
		(void)!lapic_msr_read(lapic, msr, &value);
}

static void access_device(struct fuzz *fuzz)
{
	static const u16 ports[] = {0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1};
	u8 which = fuzz_u8(fuzz);

	if (which < 0x80) {
		struct device *pic = &chip.pic.device;
		u16 port = ports[which % ARRAY_COUNT(ports)];

		if (which & 0x40)
			fixture_write(pic, port, 1, fuzz_u8(fuzz));
		else
			CHECK_THAT(fixture_read(pic, port, 1) <= 0xff);
	} else {
		struct device *ioapic = &chip.ioapic.device;
		u64 address = IOAPIC_DEFAULT_ADDRESS + (which & 1   ? IOAPIC_IOWIN
							: which & 2 ? 0x40 /* the offset of EOI */
								    : IOAPIC_IOREGSEL);

		if (which & 0x40)
			fixture_write(ioapic, address, 4, (u32)fuzz_number(fuzz));
		else
			CHECK_THAT(fixture_read(ioapic, address, 4) <= 0xffffffff);
	}
}

/* The page is lent to a CPU that virtualizes the APIC: the guest writes there, others send IPIs. */
static void run_by_cpu(struct lapic *lapic, struct fuzz *fuzz, bool level)
{
	static const u16 written[] = {
		LAPIC_ID,	 LAPIC_LDR,	      LAPIC_DFR,	 LAPIC_SVR,
		LAPIC_ESR,	 LAPIC_ICR,	      LAPIC_LVT_TIMER,	 LAPIC_LVT_LINT0,
		LAPIC_LVT_ERROR, LAPIC_TIMER_INITIAL, LAPIC_TIMER_DIVIDE};
	u32 offset = written[fuzz_u8(fuzz) % ARRAY_COUNT(written)];
	u32 vector = fuzz_u8(fuzz);
	bool accepted;

	lapic->by_cpu = true;
	lapic_lend(lapic);
	accepted = lapic_deliver(lapic, APIC_FIXED, vector, level);
	CHECK_THAT(!accepted || lapic_is_requested(lapic, vector));
	lapic_set(lapic, offset, (u32)fuzz_number(fuzz));
	lapic_recall(lapic);
	CHECK_THAT(!accepted || lapic_vector_test(lapic, LAPIC_TMR, vector) == level);
	lapic_finish_write(lapic, offset);
	CHECK_THAT((lapic_interrupt_status(lapic) & 0xff) >= (accepted ? vector : 0));
	lapic->by_cpu = false;
}

static void step(struct fuzz *fuzz)
{
	u8 what = fuzz_u8(fuzz);
	u32 cpu = what >> 3 & 3;
	struct lapic *lapic = &chip.lapic[cpu];
	u32 offset;

	switch (what & 7) {
	case 0:
		pass_time(fuzz_number(fuzz) % (3600ull * 1000000000));
		break;
	case 1: { /* naturally aligned, as the emulator splits them, inside the page */
		u32 size = 1u << (what >> 6);

		offset = fuzz_u16(fuzz) & (PAGE_MASK & ~(size - 1));
		if (what & 0x20)
			lapic_memory_write(lapic, LAPIC_DEFAULT_ADDRESS + offset, size,
					   fuzz_number(fuzz) & (~0ull >> (64 - 8 * size)));
		else
			(void)lapic_memory_read(lapic, LAPIC_DEFAULT_ADDRESS + offset, size);
		break;
	}
	case 2: /* registers that exist */
		offset = (fuzz_u8(fuzz) & 0x3fu) << 4;
		if (what & 0x20)
			lapic_write(lapic, offset, (u32)fuzz_number(fuzz));
		else
			(void)lapic_read(lapic, offset);
		break;
	case 3:
		access_msr(lapic, fuzz, what & 0x20);
		break;
	case 4:
		access_device(fuzz);
		break;
	case 5:
		if (what & 0x40) {
			u64 address = MSI_ADDRESS_BASE | fuzz_number(fuzz) % (2 * MIB);

			(void)!irqchip_message(&chip, address, (u32)fuzz_number(fuzz));
			break;
		}
		irqchip_set_line(&chip, fuzz_u8(fuzz) % IRQCHIP_LINE_COUNT, what & 0x20);
		break;
	case 6:
		if (what & 0x20)
			run_by_cpu(lapic, fuzz, what & 0x40);
		else
			run_cpu(cpu);
		break;
	default:
		if (what & 0x20)
			load_any(lapic, fuzz);
		else
			check_lapic(lapic);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};

	memset(&chip, 0, sizeof(chip));
	memset(fixture_page, 0, sizeof(fixture_page));
	if (fuzz_u8(&fuzz) & 1)
		chip_setup_enabled(NULL);
	else
		chip_setup(NULL);
	while (fuzz.left > 0)
		step(&fuzz);
	for (u32 i = 0; i < CPUS; i++)
		check_lapic(&chip.lapic[i]);
	check_device(&chip.pic.device);
	check_device(&chip.ioapic.device);
	return 0;
}
