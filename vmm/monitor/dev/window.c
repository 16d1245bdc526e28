/* SPDX-License-Identifier: MIT */
/*
 * The device of a window that VMs share (window.h): its registers, and where the guest finds the
 * window. Attached by platform.c; rings bells and moves the window by the link's functions, and
 * leaves calls and waits to the platform's events. Other guests write to the window at any time.
 */
#include "vmm/monitor/dev/window.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/monitor/pci/pci_bus.h"
#include "vmm/monitor/platform/platform_add.h"

#define CLASS_RAM 0x050000u
#define BELLS	  BITS(WINDOW_VECTORS - 1, 0)

static struct window *window_of(struct device *device)
{
	return CONTAINER_OF(device, struct window, function.device);
}

void window_ring(struct window_link *link, u32 word)
{
	u32 place = word >> 16;
	u32 bell = word & 0xffff;

	if (place < WINDOW_PLACES && bell < WINDOW_VECTORS)
		link->ring(link, place, bell);
}

void window_rang(struct window *window, u32 rung)
{
	rung &= (u32)BELLS;
	window->state.rung |= rung;
	for (; rung != 0; rung &= rung - 1)
		pci_msix_raise(&window->function, bit_lowest(rung));
}

static u32 window_read_register(struct window *window, u64 offset)
{
	struct window_state *state = &window->state;
	u32 rung = state->rung;

	switch (offset) {
	case WINDOW_IDENTITY:
		return WINDOW_MAGIC;
	case WINDOW_PLACE:
		return window->link->place;
	case WINDOW_BYTES:
		return (u32)window->link->bytes;
	case WINDOW_RUNG:
		state->rung = 0;
		return rung;
	case WINDOW_VALUE:
		return state->value;
	case WINDOW_STATUS:
		return state->status;
	default:
		return 0;
	}
}

static void window_call(struct window *window, u32 call)
{
	struct window_state *state = &window->state;

	if (call < WINDOW_CALL_SNAPSHOT || call > WINDOW_CALL_PANIC || state->call != 0 ||
	    state->status == WINDOW_BUSY)
		return;
	state->call = call;
	state->status = WINDOW_BUSY;
	window->function.device.events->pending |= MACHINE_CALL;
}

static void window_write_register(struct window *window, u64 offset, u32 value)
{
	struct window_state *state = &window->state;

	switch (offset) {
	case WINDOW_RING:
		window_ring(window->link, value);
		break;
	case WINDOW_WAIT:
		if (state->rung == 0)
			window->function.device.events->pending |= MACHINE_WAIT;
		break;
	case WINDOW_VALUE:
		state->value = value;
		break;
	case WINDOW_CALL:
		window_call(window, value);
		break;
	default:
		break;
	}
}

static u64 window_read(struct device *device, u32 region, u64 offset, u32 size)
{
	struct window *window = window_of(device);
	u64 value = 0;

	if (region == WINDOW_BAR_MEMORY)
		memcpy(&value, window->link->memory + offset, size);
	else if (offset >= WINDOW_AT_PENDING)
		value = pci_msix_pending_read(&window->function, offset - WINDOW_AT_PENDING, size);
	else if (offset >= WINDOW_AT_MSIX)
		value = pci_msix_table_read(&window->function, offset - WINDOW_AT_MSIX, size);
	else if (size == 4)
		value = window_read_register(window, offset);
	return value;
}

static void window_write(struct device *device, u32 region, u64 offset, u32 size, u64 value)
{
	struct window *window = window_of(device);

	if (region == WINDOW_BAR_MEMORY)
		memcpy(window->link->memory + offset, &value, size);
	else if (offset >= WINDOW_AT_MSIX)
		pci_msix_table_write(&window->function, offset - WINDOW_AT_MSIX, size, value);
	else if (size == 4)
		window_write_register(window, offset, (u32)value);
}

/* Shows the guest the window where its BAR answers now, and nowhere else. */
static void window_moved(struct pci_function *function)
{
	struct window *window = window_of(&function->device);
	u64 at = pci_bar_address(function, WINDOW_BAR_MEMORY);
	const struct bus_range *range = bus_find(&function->bus->platform->memory, at, sizeof(u32));
	bool answers = range != NULL && range->device == &function->device && range->base == at &&
		       range->region == WINDOW_BAR_MEMORY;

	if (!answers)
		at = 0;
	if (window->link->shown_at != at)
		window->link->show(window->link, at);
}

static void window_reset(struct device *device)
{
	struct window *window = window_of(device);

	memset(&window->state, 0, sizeof(window->state));
	pci_function_reset(&window->function);
}

/* A call that was under way where the state was saved is not under way here. */
static void window_loaded(struct device *device)
{
	struct window *window = window_of(device);

	if (window->state.status == WINDOW_BUSY)
		window->state.status = WINDOW_GONE;
	window->state.call = 0;
	pci_function_loaded(&window->function);
}

static bool window_valid(const void *bytes)
{
	const struct window_state *state = bytes;

	return (state->rung & ~(u32)BELLS) == 0 && state->status <= WINDOW_GONE &&
	       state->call <= WINDOW_CALL_PANIC && pci_function_valid(&state->pci);
}

static const struct device_ops window_ops = {
	.widest = 8,
	.read = window_read,
	.write = window_write,
	.reset = window_reset,
	.loaded = window_loaded,
	.valid = window_valid,
};

enum status window_attach(struct platform *platform, const struct platform_config *config)
{
	static const struct pci_identity identity = {
		.vendor = PCI_BRIDGE_VENDOR,
		.device = WINDOW_PCI_DEVICE,
		.revision = 1,
		.class_code = CLASS_RAM,
		.subsystem_vendor = PCI_BRIDGE_VENDOR,
		.subsystem = WINDOW_PCI_DEVICE,
	};
	struct window *window;

	if (config->window == NULL)
		return STATUS_OK;
	window = platform_take(platform, sizeof(*window));
	if (window == NULL)
		return STATUS_NO_MEMORY;
	window->link = config->window;
	window->function.device = (struct device){
		.name = "window",
		.ops = &window_ops,
		.state = &window->state,
		.state_bytes = sizeof(window->state),
		.kind = STATE_WINDOW,
		.version = 1,
	};
	window->function.state = &window->state.pci;
	window->function.moved = window_moved;
	pci_function_begin(&window->function, &identity);
	pci_function_bar(&window->function, WINDOW_BAR_REGISTERS, PCI_BAR_MEMORY,
			 WINDOW_REGISTERS_BYTES);
	pci_function_bar(&window->function, WINDOW_BAR_MEMORY, PCI_BAR_MEMORY, window->link->bytes);
	pci_function_msix(&window->function, WINDOW_VECTORS, WINDOW_BAR_REGISTERS, WINDOW_AT_MSIX,
			  WINDOW_AT_PENDING);
	platform->window = window;
	return pci_function_add(platform, &window->function, PCI_SLOT_WINDOW);
}
