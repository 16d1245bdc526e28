/* SPDX-License-Identifier: MIT */
/*
 * ACPI fixed hardware: PM1 event and control blocks, the PM timer and GPE0 (ACPI 6.4, 4.8).
 * Attached by platform.c; signalled by command.c, rtc.c and generation.c. Owns its registers;
 * raises the SCI and asks for power-off by the platform's events.
 */
#include "vmm/monitor/dev/acpi_pm.h"
#include "lib/bits.h"
#include "lib/checked.h"
#include "vmm/monitor/platform/platform_add.h"
#include "vmm/monitor/irqchip/irqchip.h"

enum acpi_pm_region {
	ACPI_PM_REGION_EVENT,
	ACPI_PM_REGION_CONTROL,
	ACPI_PM_REGION_TIMER,
	ACPI_PM_REGION_GPE0,
};

#define PM1_STATUS_DEFINED                                                                         \
	(ACPI_PM1_TMR | ACPI_PM1_BM | ACPI_PM1_GBL | ACPI_PM1_PWRBTN | ACPI_PM1_SLPBTN |           \
	 ACPI_PM1_RTC | ACPI_PM1_WAK)
#define PM1_ENABLE_DEFINED                                                                         \
	(ACPI_PM1_TMR | ACPI_PM1_GBL | ACPI_PM1_PWRBTN | ACPI_PM1_SLPBTN | ACPI_PM1_RTC)
/* TMR_STS is set whenever the timer's highest bit changes (ACPI 6.4, 4.8.2.1). */
#define TIMER_HALF BIT(31)

static u64 acpi_pm_timer(const struct acpi_pm *pm)
{
	return mul_div(device_now_ns(&pm->device), ACPI_PM_TIMER_HZ, NS_PER_S);
}

static void acpi_pm_tick(struct device *device)
{
	struct acpi_pm *pm = CONTAINER_OF(device, struct acpi_pm, device);
	struct acpi_pm_state *state = &pm->state;
	u64 now = acpi_pm_timer(pm);
	u64 next = (now / TIMER_HALF + 1) * TIMER_HALF;

	if (now / TIMER_HALF != state->timer_tick / TIMER_HALF)
		state->status |= ACPI_PM1_TMR;
	state->timer_tick = now;

	irqchip_set_line(device->irqchip, IRQCHIP_SCI,
			 (state->status & state->enable) ||
				 (state->gpe_status & state->gpe_enable));
	device_set_deadline(device, state->enable & ACPI_PM1_TMR
					    ? mul_div(next, NS_PER_S, ACPI_PM_TIMER_HZ) + 1
					    : DEADLINE_NONE);
}

void acpi_pm_power_button(struct acpi_pm *pm)
{
	pm->state.status |= ACPI_PM1_PWRBTN;
	pm->state.pressed = (pm->state.enable & ACPI_PM1_PWRBTN) == 0;
	acpi_pm_tick(&pm->device);
}

void acpi_pm_alarm(struct acpi_pm *pm)
{
	pm->state.status |= ACPI_PM1_RTC;
	acpi_pm_tick(&pm->device);
}

void acpi_pm_generation(struct acpi_pm *pm)
{
	pm->state.gpe_status |= BIT(ACPI_PM_GPE_GENERATION);
	acpi_pm_tick(&pm->device);
}

static void acpi_pm_control(struct acpi_pm *pm, u16 value)
{
	u32 type = (value & ACPI_PM1_SLP_TYP) >> ACPI_PM1_SLP_TYP_SHIFT;

	pm->state.control = value & (ACPI_PM1_BM_RLD | ACPI_PM1_SLP_TYP);
	/*
	 * QEMU's ACPI tables give 0 as the type of S5 for this port, and some guests write 0
	 * without reading Skerry's tables.
	 */
	if ((value & ACPI_PM1_SLP_EN) && (type == ACPI_PM_S5 || type == 0))
		pm->device.events->pending |= MACHINE_POWER_OFF;
}

/*
 * Writes the enable register of PM1 events. A starting guest has cleared the status before, so an
 * earlier press of the power button is set in the status once more now.
 */
static void acpi_pm_enable(struct acpi_pm_state *state, u16 value)
{
	state->enable = value & PM1_ENABLE_DEFINED;
	if (state->pressed == 0 || (state->enable & ACPI_PM1_PWRBTN) == 0)
		return;
	state->pressed = 0;
	state->status |= ACPI_PM1_PWRBTN;
}

/*
 * Returns the 16-bit register of a PM1 or GPE0 block that has the byte at `offset`: the status
 * comes first, then the enables.
 */
static u16 acpi_pm_word(const struct acpi_pm *pm, u32 region, u64 offset)
{
	const struct acpi_pm_state *state = &pm->state;
	bool second = offset >= 2;

	switch (region) {
	case ACPI_PM_REGION_EVENT:
		return second ? state->enable : state->status;
	case ACPI_PM_REGION_CONTROL:
		return state->control | ACPI_PM1_SCI_EN;
	default:
		return second ? state->gpe_enable : state->gpe_status;
	}
}

/* Writes the bits in `mask` of a 16-bit register; writing 1 to a status bit clears it. */
static void acpi_pm_write_word(struct acpi_pm *pm, u32 region, u64 offset, u16 value, u16 mask)
{
	struct acpi_pm_state *state = &pm->state;
	u16 merged = (u16)((acpi_pm_word(pm, region, offset) & ~mask) | value);
	bool second = offset >= 2;

	switch (region) {
	case ACPI_PM_REGION_EVENT:
		if (second)
			acpi_pm_enable(state, merged);
		else
			state->status &= (u16)~value;
		break;
	case ACPI_PM_REGION_CONTROL:
		acpi_pm_control(pm, merged);
		break;
	case ACPI_PM_REGION_GPE0:
		if (second)
			state->gpe_enable = merged;
		else
			state->gpe_status &= (u16)~value;
		break;
	default: /* the PM timer is read-only */
		break;
	}
}

static NOINLINE u64 acpi_pm_read_registers(struct device *device, u32 region, u64 offset, u32 size)
{
	struct acpi_pm *pm = CONTAINER_OF(device, struct acpi_pm, device);
	u64 value = 0;

	acpi_pm_tick(device);
	for (u32 i = 0; i < size; i++) {
		u64 byte = acpi_pm_word(pm, region, offset + i) >> (offset + i) % 2 * 8 & 0xff;

		value |= byte << (i * 8);
	}
	return value;
}

/* Reads a register. Reads of the PM timer, by far the commonest, change nothing. */
static u64 acpi_pm_read(struct device *device, u32 region, u64 offset, u32 size)
{
	const struct acpi_pm *pm = CONTAINER_OF(device, struct acpi_pm, device);

	if (region != ACPI_PM_REGION_TIMER)
		return acpi_pm_read_registers(device, region, offset, size);
	if (size == ACPI_PM_TIMER_BYTES)
		return (u32)acpi_pm_timer(pm);
	return (u32)acpi_pm_timer(pm) >> offset * 8 & BITS(size * 8 - 1, 0);
}

static void acpi_pm_write(struct device *device, u32 region, u64 offset, u32 size, u64 value)
{
	struct acpi_pm *pm = CONTAINER_OF(device, struct acpi_pm, device);

	acpi_pm_tick(device);
	for (u32 i = 0; i < size;) {
		u32 shift = (offset + i) % 2 * 8;
		u32 bytes = shift == 0 && size - i >= 2 ? 2 : 1;
		u16 mask = (u16)(BITS(bytes * 8 - 1, 0) << shift);

		acpi_pm_write_word(pm, region, offset + i,
				   (u16)((value >> (i * 8)) << shift) & mask, mask);
		i += bytes;
	}
	acpi_pm_tick(device);
}

static void acpi_pm_reset(struct device *device)
{
	struct acpi_pm *pm = CONTAINER_OF(device, struct acpi_pm, device);

	pm->state = (struct acpi_pm_state){.timer_tick = acpi_pm_timer(pm)};
	acpi_pm_tick(device);
}

static bool acpi_pm_valid(const void *bytes)
{
	const struct acpi_pm_state *state = bytes;

	return !(state->status & ~PM1_STATUS_DEFINED) && !(state->enable & ~PM1_ENABLE_DEFINED) &&
	       !(state->control & ~(ACPI_PM1_BM_RLD | ACPI_PM1_SLP_TYP)) &&
	       state->pressed <= ((state->enable & ACPI_PM1_PWRBTN) == 0);
}

static const struct device_region acpi_pm_regions[] = {
	[ACPI_PM_REGION_EVENT] = {DEVICE_PORTS, ACPI_PM_EVENT_PORT, ACPI_PM_EVENT_BYTES},
	[ACPI_PM_REGION_CONTROL] = {DEVICE_PORTS, ACPI_PM_CONTROL_PORT, ACPI_PM_CONTROL_BYTES},
	[ACPI_PM_REGION_TIMER] = {DEVICE_PORTS, ACPI_PM_TIMER_PORT, ACPI_PM_TIMER_BYTES},
	[ACPI_PM_REGION_GPE0] = {DEVICE_PORTS, ACPI_PM_GPE0_PORT, ACPI_PM_GPE0_BYTES},
};

static const struct device_ops acpi_pm_ops = {
	.widest = 4,
	.read = acpi_pm_read,
	.write = acpi_pm_write,
	.reset = acpi_pm_reset,
	.tick = acpi_pm_tick,
	.valid = acpi_pm_valid,
};

enum status acpi_pm_attach(struct platform *platform, const struct platform_config *config)
{
	struct acpi_pm *pm = platform_take(platform, sizeof(*pm));

	(void)config;
	if (pm == NULL)
		return STATUS_NO_MEMORY;
	pm->device = (struct device){
		.name = "acpi_pm",
		.ops = &acpi_pm_ops,
		.regions = acpi_pm_regions,
		.region_count = ARRAY_COUNT(acpi_pm_regions),
		.state = &pm->state,
		.state_bytes = sizeof(pm->state),
		.kind = STATE_ACPI_PM,
		.version = 1,
	};
	platform->acpi_pm = pm;
	return platform_add(platform, &pm->device);
}
