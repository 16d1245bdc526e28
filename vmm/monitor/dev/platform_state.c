/* SPDX-License-Identifier: MIT */
#include "vmm/monitor/dev/platform_state.h"
#include "lib/bits.h"
#include "lib/string.h"

/* What the interrupt controllers share. */
struct irqchip_saved {
	u64 kick;
	u32 lowest_last;
	u32 reserved;
};

struct bus_saved {
	u64 unknown_count;
	u64 unknown_last;
};

static void platform_save_lapic(const void *owner, void *bytes)
{
	lapic_save(owner, bytes);
}

static enum status platform_load_lapic(void *owner, const void *bytes)
{
	return lapic_load(owner, bytes);
}

static void platform_save_irqchip(const void *owner, void *bytes)
{
	const struct irqchip *irqchip = owner;

	*(struct irqchip_saved *)bytes = (struct irqchip_saved){
		.kick = irqchip->kick,
		.lowest_last = irqchip->lowest_last,
	};
}

/* Loading the others has kicked too. */
static enum status platform_load_irqchip(void *owner, const void *bytes)
{
	struct irqchip *irqchip = owner;
	const struct irqchip_saved *saved = bytes;

	if (saved->lowest_last >= irqchip->cpu_count ||
	    (saved->kick & ~BITS(irqchip->cpu_count - 1, 0)) != 0)
		return STATUS_BAD_FORMAT;
	irqchip->lowest_last = saved->lowest_last;
	irqchip->kick |= saved->kick;
	return STATUS_OK;
}

static void platform_save_bus(const void *owner, void *bytes)
{
	const struct bus *bus = owner;

	*(struct bus_saved *)bytes = (struct bus_saved){bus->unknown_count, bus->unknown_last};
}

static enum status platform_load_bus(void *owner, const void *bytes)
{
	struct bus *bus = owner;
	const struct bus_saved *saved = bytes;

	bus->unknown_count = saved->unknown_count;
	bus->unknown_last = saved->unknown_last;
	return STATUS_OK;
}

static void platform_save_device(const void *owner, void *bytes)
{
	const struct device *device = owner;

	(void)!device_save(device, bytes, device->state_bytes);
}

static enum status platform_load_device(void *owner, const void *bytes)
{
	struct device *device = owner;

	return device_load(device, bytes, device->state_bytes);
}

static struct state_section platform_device_section(struct device *device)
{
	return (struct state_section){
		.head = {device->kind, device->instance, device->version, (u32)device->state_bytes},
		.owner = device,
		.save = platform_save_device,
		.load = platform_load_device,
	};
}

/* Local APICs, then the devices: first the other controllers, where the others raise lines. */
bool platform_section(struct platform *platform, u32 index, struct state_section *section)
{
	struct irqchip *irqchip = &platform->irqchip;
	struct bus *const bus[] = {&platform->ports, &platform->memory};

	if (index < irqchip->cpu_count) {
		*section =
			(struct state_section){{STATE_LAPIC, index, 1, sizeof(struct lapic_saved)},
					       &irqchip->lapic[index],
					       platform_save_lapic,
					       platform_load_lapic};
		return true;
	}
	index -= irqchip->cpu_count;
	if (index < platform->device_count) {
		*section = platform_device_section(platform->device[index]);
		return true;
	}
	index -= platform->device_count;
	if (index == 0) {
		*section =
			(struct state_section){{STATE_IRQCHIP, 0, 1, sizeof(struct irqchip_saved)},
					       irqchip,
					       platform_save_irqchip,
					       platform_load_irqchip};
		return true;
	}
	index--;
	if (index >= ARRAY_COUNT(bus))
		return false;
	*section = (struct state_section){{STATE_BUS, index, 1, sizeof(struct bus_saved)},
					  bus[index],
					  platform_save_bus,
					  platform_load_bus};
	return true;
}

static bool platform_leaves_out(const struct state_head *head, u64 lapics)
{
	return head->kind == STATE_LAPIC && !(lapics >> head->instance & 1);
}

static size_t platform_section_bytes(const struct state_head *head)
{
	return sizeof(*head) + align_up((size_t)head->bytes, 8);
}

enum status platform_save(struct platform *platform, u64 lapics, void *bytes, size_t size,
			  size_t *used)
{
	struct state_section section;
	u8 *at = bytes;

	for (u32 i = 0; platform_section(platform, i, &section); i++) {
		size_t needed = platform_section_bytes(&section.head);

		if (platform_leaves_out(&section.head, lapics))
			continue;
		if (needed > size)
			return STATUS_TOO_BIG;
		memset(at, 0, needed);
		memcpy(at, &section.head, sizeof(section.head));
		section.save(section.owner, at + sizeof(section.head));
		at += needed;
		size -= needed;
	}
	*used = (size_t)(at - (u8 *)bytes);
	return STATUS_OK;
}

/* The head at the start of bytes[size], or NULL: what is there is no section. */
static const struct state_head *platform_head_at(const u8 *bytes, size_t size)
{
	const struct state_head *head = (const struct state_head *)(uintptr_t)bytes;

	if (size < sizeof(*head) || platform_section_bytes(head) > size)
		return NULL;
	return head;
}

static const struct state_head *platform_find_head(const u8 *bytes, size_t size,
						   const struct state_head *wanted)
{
	const struct state_head *head;

	for (; (head = platform_head_at(bytes, size)) != NULL;
	     bytes += platform_section_bytes(head), size -= platform_section_bytes(head))
		if (head->kind == wanted->kind && head->instance == wanted->instance)
			return head;
	return NULL;
}

/* Sets *needed to the bytes of all sections that are wanted. */
static enum status platform_check_heads(struct platform *platform, u64 lapics, const void *bytes,
					size_t size, size_t *needed)
{
	struct state_section section;

	*needed = 0;
	for (u32 i = 0; platform_section(platform, i, &section); i++) {
		const struct state_head *head;

		if (platform_leaves_out(&section.head, lapics))
			continue;
		head = platform_find_head(bytes, size, &section.head);
		if (head == NULL)
			return STATUS_NOT_FOUND;
		if (head->version != section.head.version)
			return STATUS_NOT_SUPPORTED;
		if (head->bytes != section.head.bytes)
			return STATUS_BAD_FORMAT;
		*needed += platform_section_bytes(head);
	}
	return STATUS_OK;
}

enum status platform_load(struct platform *platform, u64 lapics, const void *bytes, size_t size)
{
	struct state_section section;
	size_t needed;
	enum status status = platform_check_heads(platform, lapics, bytes, size, &needed);

	if (status == STATUS_OK && needed != size)
		status = STATUS_BAD_FORMAT;
	for (u32 i = 0; status == STATUS_OK && platform_section(platform, i, &section); i++)
		if (!platform_leaves_out(&section.head, lapics))
			status = section.load(section.owner,
					      platform_find_head(bytes, size, &section.head) + 1);
	return status;
}
