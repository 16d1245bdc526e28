/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A unit of each kind over the machine of kernel_machine.h, after the specifications: it obeys
 * commands only when its tail is written, and keeps translations until it is told to forget them.
 * Devices are whoever calls model_access.
 */
#define MACHINE_HAS_IOMMU
#include "tests/unit/kernel_machine.h"

#define MODEL_VTD     0xfed90000ull
#define MODEL_AMDVI   0xfed80000ull
#define MODEL_CACHE   4096u
#define MODEL_DOMAINS 2u /* the domains field of the capability: 256 domains */

struct model_entry {
	bool valid;
	u16 source;
	u16 domain;
	u64 page;
	u64 frame;
	bool read;
	bool write;
};

static struct model {
	u8 registers[AMDVI_REGISTERS_END];
	enum iommu_kind kind;
	u32 head; /* the head of the command ring */
	u64 root; /* VT-d: the root table by the last command that set it */
	bool translates;
	u64 messages; /* VT-d: the interrupt table by the last command that set it */
	bool remaps;
	bool old_pass;	 /* VT-d: messages in the old format */
	bool deaf;	 /* the unit obeys no commands */
	u32 unconfirmed; /* the commands since the last one that was waited for */
	struct model_entry cache[MODEL_CACHE];
	u32 cached;
} models[2];

static u64 *model_register(struct model *model, u32 offset)
{
	return (u64 *)(void *)(model->registers + offset);
}

static u32 *model_register32(struct model *model, u32 offset)
{
	return (u32 *)(void *)(model->registers + offset);
}

static u64 model_memory(u64 hpa)
{
	assert_true(hpa % 8 == 0 && hpa < machine_ram_bytes);
	return *(u64 *)hpa_to_pointer(HPA(hpa));
}

void *kernel_map_device(hpa_t hpa, u64 bytes)
{
	struct model *model = &models[hpa.value == MODEL_AMDVI];

	if (hpa.value != MODEL_VTD && hpa.value != MODEL_AMDVI)
		return NULL;
	assert_true(bytes <= sizeof(model->registers));
	return model->registers;
}

static void model_start(void)
{
	memset(models, 0, sizeof(models));
	models[1].kind = IOMMU_AMDVI;
	*model_register32(&models[0], VTD_VERSION) = 0x10;
	*model_register(&models[0], VTD_CAPABILITY) =
		MODEL_DOMAINS | VTD_FOUR_LEVELS | 47ull << 16 | VTD_LARGE | 3ull << 54;
	*model_register(&models[0], VTD_EXTENDED) = VTD_QUEUED | VTD_REMAPS;
	*model_register32(&models[0], VTD_STATUS) = (u32)VTD_PASS; /* the firmware's setting */
	*model_register(&models[1], AMDVI_FEATURES) = AMDVI_INV_ALL_KNOWN;
}

static void model_forget(struct model *model, bool all, u32 domain)
{
	for (u32 i = 0; i < model->cached; i++) {
		if (all || model->cache[i].domain == domain)
			model->cache[i].valid = false;
	}
}

static void model_obey_vtd(struct model *model, u64 first, u64 second)
{
	assert_true((*model_register32(model, VTD_STATUS) & VTD_QUEUE) != 0);
	switch (first & 0xf) {
	case 1: /* contexts: the model keeps none */
		return;
	case 2:
		assert_int_equal(first & VTD_DRAIN, VTD_DRAIN);
		assert_true((first >> 4 & 3) == 1 || (first >> 4 & 3) == 2);
		model_forget(model, (first >> 4 & 3) == 1, (u32)(first >> 16 & 0xffff));
		return;
	case 4: /* interrupt entries: the model keeps none */
		assert_int_equal(first & 0x10, 0);
		return;
	case 5:
		assert_int_equal(first & 0xf0, 0x60); /* the command writes, in order */
		*(u32 *)hpa_to_pointer(HPA(second)) = (u32)(first >> 32);
		model->unconfirmed = 0;
		return;
	default:
		fail_msg("a descriptor of type %u", (u32)first & 0xf);
	}
}

static void model_obey_amdvi(struct model *model, u64 first, u64 second)
{
	switch (first >> 60) {
	case 1:
		assert_int_equal(first & 7, 1);
		*(u64 *)hpa_to_pointer(HPA(first & BITS(51, 3))) = second;
		model->unconfirmed = 0;
		return;
	case 2: /* device table entries, and 5, interrupt entries: the model keeps none */
	case 5:
		return;
	case 3:
		assert_int_equal(second, BITS(62, 12) | 3);
		model_forget(model, false, (u32)(first >> 32 & 0xffff));
		return;
	case 8:
		model_forget(model, true, 0);
		return;
	default:
		fail_msg("a command of type %u", (u32)(first >> 60));
	}
}

static void model_obey(struct model *model, u64 ring, u64 tail)
{
	for (; model->head != tail && !model->deaf; model->head = (model->head + 16) % PAGE_SIZE) {
		u64 at = align_down(ring & BITS(51, 0), PAGE_SIZE) + model->head;
		u64 first = model_memory(at);
		u64 second = model_memory(at + 8);

		model->unconfirmed++;
		if (model->kind == IOMMU_VTD)
			model_obey_vtd(model, first, second);
		else
			model_obey_amdvi(model, first, second);
	}
}

static struct model *model_of(const struct iommu *unit)
{
	return CONTAINER_OF((u8(*)[AMDVI_REGISTERS_END])(void *)unit->registers, struct model,
			    registers);
}

u32 iommu_read32(const struct iommu *unit, u32 offset)
{
	return *model_register32(model_of(unit), offset);
}

u64 iommu_read64(const struct iommu *unit, u32 offset)
{
	return *model_register(model_of(unit), offset);
}

void iommu_write32(const struct iommu *unit, u32 offset, u32 value)
{
	struct model *model = model_of(unit);

	if (offset == VTD_COMMAND) {
		*model_register32(model, VTD_STATUS) =
			value | (*model_register32(model, VTD_STATUS) &
				 (u32)(VTD_SET_ROOT | VTD_SET_MESSAGES));
		if ((value & VTD_SET_MESSAGES) != 0)
			model->messages = *model_register(model, VTD_MESSAGES);
		model->remaps = (value & VTD_REMAP) != 0;
		model->old_pass = (value & VTD_PASS) != 0;
		if ((value & VTD_SET_ROOT) != 0)
			model->root = *model_register(model, VTD_ROOT);
		model->translates = (value & VTD_TRANSLATE) != 0;
	} else {
		*model_register32(model, offset) = value;
	}
}

void iommu_write64(const struct iommu *unit, u32 offset, u64 value)
{
	struct model *model = model_of(unit);

	*model_register(model, offset) = value;
	if (model->kind == IOMMU_VTD && offset == VTD_QUEUE_TAIL)
		model_obey(model, *model_register(model, VTD_QUEUE_ADDRESS), value);
	if (model->kind == IOMMU_AMDVI && offset == AMDVI_CONTROL)
		model->translates = (value & AMDVI_ENABLE) != 0;
	if (model->kind == IOMMU_AMDVI && offset == AMDVI_COMMAND_TAIL)
		model_obey(model, *model_register(model, AMDVI_COMMANDS), value);
}

/*
 * Returns what the tables in memory say of an address: each format is read as its specification
 * says.
 */
static bool model_walk_vtd(const struct model *model, u16 source, u64 address,
			   struct model_entry *entry)
{
	u64 root = model_memory(model->root + (u64)(source >> 8) * 16);
	u64 context, table;

	if ((root & 1) == 0)
		return false;
	assert_int_equal(root & BITS(11, 1), 0);
	context = (root & BITS(63, 12)) + (u64)(source & 0xff) * 16;
	table = model_memory(context);
	if ((table & 1) == 0)
		return false;
	assert_int_equal(table & BITS(11, 1), 0); /* faults are recorded, untranslated */
	assert_int_equal(model_memory(context + 8) & 7, 2);
	entry->domain = (u16)(model_memory(context + 8) >> 8);
	entry->read = entry->write = true;
	for (u32 shift = 39;; shift -= 9) {
		u64 word = model_memory((table & BITS(63, 12)) + (address >> shift & 511) * 8);

		if ((word & 3) == 0)
			return false;
		assert_int_equal(word & (BITS(63, 52) | BIT(11) | BITS(6, 2)), 0);
		entry->read &= (word & 1) != 0;
		entry->write &= (word & 2) != 0;
		if (shift == 12 || (word & BIT(7)) != 0) {
			assert_true(shift <= 30);
			entry->frame = (word & BITS(51, 12)) + (address & BITS(shift - 1, 0));
			return true;
		}
		table = word;
	}
}

static bool model_walk_amdvi(struct model *model, u16 source, u64 address,
			     struct model_entry *entry)
{
	u64 devices = *model_register(model, AMDVI_DEVICES);
	u64 at = (devices & BITS(51, 12)) + (u64)source * 32;
	u64 word = model_memory(at);
	u32 level;

	assert_true(source < ((devices & 0x1ff) + 1) * PAGE_SIZE / 32);
	assert_int_equal(word & 3, 3); /* without these bits the access passes through */
	level = (u32)(word >> 9 & 7);
	entry->read = (word & BIT(61)) != 0;
	entry->write = (word & BIT(62)) != 0;
	entry->domain = (u16)model_memory(at + 8);
	if (level == 0) {
		entry->frame = address;
		return entry->read || entry->write;
	}
	assert_int_equal(level, 4);
	while (level > 0) {
		u32 shift = 12 + 9 * (level - 1);

		word = model_memory((word & BITS(51, 12)) + (address >> shift & 511) * 8);
		if ((word & 1) == 0)
			return false;
		assert_int_equal(word & BITS(58, 52), 0);
		entry->read &= (word & BIT(61)) != 0;
		entry->write &= (word & BIT(62)) != 0;
		assert_true((word >> 9 & 7) < level);
		level = (u32)(word >> 9 & 7);
		if (level == 0)
			entry->frame = (word & BITS(51, 12)) + (address & BITS(shift - 1, 0));
	}
	return true;
}

/* A device's access: where it goes, or false. */
static bool model_access(struct model *model, u16 source, u64 address, bool write, u64 *hpa)
{
	struct model_entry *entry = NULL;

	*hpa = address;
	assert_int_equal(model->unconfirmed, 0);
	if (!model->translates)
		return true;
	for (u32 i = 0; i < model->cached && entry == NULL; i++) {
		if (model->cache[i].valid && model->cache[i].source == source &&
		    model->cache[i].page == address / PAGE_SIZE)
			entry = &model->cache[i];
	}
	if (entry == NULL) {
		assert_true(model->cached < MODEL_CACHE);
		entry = &model->cache[model->cached];
		*entry = (struct model_entry){.source = source, .page = address / PAGE_SIZE};
		if (address < BIT(48) &&
		    (model->kind == IOMMU_VTD ? model_walk_vtd(model, source, address, entry)
					      : model_walk_amdvi(model, source, address, entry))) {
			entry->valid = true;
			entry->frame = align_down(entry->frame, PAGE_SIZE);
			model->cached++;
		} else {
			entry = NULL;
		}
	}
	if (entry == NULL || !(write ? entry->write : entry->read))
		return false;
	*hpa = entry->frame + address % PAGE_SIZE;
	return true;
}

/*
 * Returns what a device's message becomes: a vector, and above it an APIC id; 0: the message is
 * blocked.
 */
static u64 model_interrupt(const struct model *model, u16 source, u64 message)
{
	u64 address = message >> 32;
	u64 devices = *model_register((struct model *)(uintptr_t)model, AMDVI_DEVICES);
	u64 word, entry, number = message & 0x7ff;

	assert_int_equal(address & BITS(63, 20), 0xfee00000);
	assert_int_equal(model->unconfirmed, 0);
	if (model->kind == IOMMU_VTD && model->remaps) {
		number = (address >> 5 & 0x7fff) | (address & 4) << 13;
		if ((address & 0x10) == 0)
			return model->old_pass ? (address >> 12 & 0xff) << 8 | (message & 0xff) : 0;
		if (number >= 2ull << (model->messages & 0xf))
			return 0;
		entry = model_memory((model->messages & BITS(63, 12)) + number * 16);
		word = model_memory((model->messages & BITS(63, 12)) + number * 16 + 8);
		if ((entry & 1) == 0)
			return 0;
		assert_int_equal(word >> 16, 4); /* the whole requester is compared */
		return (word & 0xffff) == source ? (entry >> 40 & 0xff) << 8 | (entry >> 16 & 0xff)
						 : 0;
	}
	word = model->kind == IOMMU_AMDVI
		       ? model_memory((devices & BITS(51, 12)) + source * 32u + 16)
		       : 0;
	if ((word & 1) == 0)
		return (address >> 12 & 0xff) << 8 | (message & 0xff);
	assert_int_equal(word >> 60 & 3, 2);
	if (number >= 1ull << (word >> 1 & 0xf))
		return 0;
	entry = model_memory((word & BITS(51, 6)) + align_down(number * 4, 8)) >> 32 * (number & 1);
	return (entry & 1) != 0 ? (entry & 0xff00) | (entry >> 16 & 0xff) : 0;
}
