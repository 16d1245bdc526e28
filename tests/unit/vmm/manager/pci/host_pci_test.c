/* SPDX-License-Identifier: MIT */
/* What the manager does to the host's PCI functions: at the start, for a driver, after its end. */
#include "tests/unit/vmm/manager/pci/pci_fake.h"

#include "vmm/manager/pci/pci.c"
#include "vmm/manager/pci/pci_bar.c"
#include "vmm/manager/pci/pci_capability.c"
#include "vmm/manager/pci/pci_function.c"
#include "vmm/manager/pci/pci_msi.c"
#include "vmm/manager/pci/pci_names.c"
#include "vmm/manager/pci/pci_quiet.c"
#include "vmm/manager/pci/pci_scan.c"
#include "vmm/manager/pci/pci_usb.c"
#include "vmm/rt/format.h"

#define MESSAGE 0xfee0100000000074ull
#define FLR	PCI_EXPRESS_CONTROL_FLR

static const struct pci_range range = {0, 0, 255, 1};
static u8 table[PCI_FUNCTIONS_MAX * sizeof(struct pci_function) + PAGE_SIZE];
static u32 warnings;
static u64 given_hpa, given_bytes;
static struct fake *nvme;
static struct pci_function *function;

struct start_info start_info_fake;
const struct start_info *start_info = &start_info_fake;

u32 pci_access_init(const struct pci_range **ranges)
{
	*ranges = &range;
	return 1;
}

enum status memory_map(u64 bytes, u64 *at)
{
	assert_true(bytes <= sizeof(table));
	*at = (u64)table;
	return STATUS_OK;
}

void log_message(enum log_level level, enum log_category category, const char *vm,
		 const char *pattern, ...)
{
	(void)category, (void)vm, (void)pattern;
	warnings += level >= LOG_WARNING;
}

handle_t start_handle(enum start_kind kind)
{
	return (handle_t)kind + 1;
}

enum status sys_memory_physical(handle_t root, u64 hpa, u64 bytes, u32 flags, handle_t *memory)
{
	(void)root;
	assert_int_equal(flags, MEMORY_UNCACHED);
	given_hpa = hpa;
	given_bytes = bytes;
	*memory = 7;
	return STATUS_OK;
}

enum status sys_ports_grant(handle_t root, handle_t process, u16 first, u32 count)
{
	(void)root, (void)process;
	given_hpa = first;
	given_bytes = count;
	return STATUS_OK;
}

u64 iommu_interrupts(const struct pci_function *function)
{
	return function->iommu != 0 ? 3 : IOMMU_NOBODY;
}

enum status sys_irq_message(handle_t irq, u64 unit, u32 requester, u64 *message)
{
	assert_true(unit == IOMMU_NOBODY || (unit == 3 && requester == 0x1234));
	*message = MESSAGE;
	return irq == 9 ? STATUS_OK : STATUS_BAD_ARGUMENT;
}

/* Sets up an NVMe behind a bridge, which the firmware has left with its DMA on. */
static int set_up(void **state)
{
	(void)state;
	fakes_free();
	memset(&scan, 0, sizeof(scan));
	memset(table, 0, sizeof(table));
	warnings = 0;
	set16(add_fake(place(0, 0, 0, 0), 0x060000), PCI_COMMAND, 0x6);
	set16(add_bridge(place(0, 0, 1, 0), 1, 2), PCI_COMMAND, 0);
	nvme = add_nvme(place(0, 1, 0, 0));
	nvme->writable[0x88 / 4] = 0x700f;
	pci_init();
	function = pci_find(nvme->address);
	assert_non_null(function);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fakes_free();
	return 0;
}

static u32 command_of(const struct fake *fake)
{
	return pci_read(fake->address, PCI_COMMAND, 2);
}

/* At the start DMA ends, but not that of bridges; a function that cannot be stopped is reported. */
static void test_start(void **state)
{
	(void)state;
	assert_int_equal(command_of(fakes[0]), 0x6);
	assert_int_equal(command_of(nvme), PCI_COMMAND_MEMORY);
	assert_int_equal(warnings, 0);
	set16(nvme, PCI_COMMAND, 0x6);
	nvme->writable[PCI_COMMAND / 4] = 0;
	assert_true(pci_end_dma(function));
	assert_int_equal(warnings, 1);
}

/* DMA needs the bridges on the way as well; nobody else gets it. */
static void test_enable(void **state)
{
	struct fake *other = add_nvme(place(0, 1, 1, 0));

	(void)state;
	set16(other, PCI_COMMAND, 0);
	assert_null(pci_claim(function, "nvme"));
	assert_int_equal(warnings, 1); /* the driver is trusted */
	assert_int_equal(command_of(nvme), PCI_COMMAND_MEMORY);
	pci_enable(function);
	assert_int_equal(command_of(nvme), PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER);
	assert_int_equal(command_of(fakes[1]), PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER);
	assert_int_equal(command_of(fakes[0]), 0x6);
	assert_int_equal(command_of(other), 0);
}

static void test_claim(void **state)
{
	(void)state;
	assert_non_null(pci_claim(pci_find(fakes[0]->address), "nvme"));
	assert_null(pci_claim(function, "nvme"));
	assert_non_null(pci_claim(function, "other"));
	pci_release(function);
	assert_null(pci_claim(function, "other"));
	pci_release(function);
	function->problem = "a list that loops";
	assert_non_null(pci_claim(function, "nvme"));
	assert_null(pci_find(place(0, 1, 0, 1)));
	assert_ptr_equal(pci_find_class(NULL, 1, 8), function);
	assert_null(pci_find_class(function, 1, 8));
	assert_null(pci_find_class(NULL, 6, 0));
}

/* The driver gets its registers but not the page of the MSI-X table, if that is another page. */
static void test_bar(void **state)
{
	handle_t memory;
	u64 bytes;

	(void)state;
	assert_int_equal(pci_bar_memory(function, 0, &memory, &bytes), STATUS_OK);
	assert_int_equal(given_hpa, MEMORY_AT);
	assert_int_equal(given_bytes, 0x2000);
	assert_int_equal(bytes, 0x2000);
	set32(nvme, 0x44, 0x800);
	assert_int_equal(pci_bar_memory(function, 0, &memory, &bytes), STATUS_OK);
	assert_int_equal(given_bytes, 0x4000);
	set32(nvme, 0x44, 0x2004); /* the table is in another BAR */
	assert_int_equal(pci_bar_memory(function, 0, &memory, &bytes), STATUS_OK);
	assert_int_equal(given_bytes, 0x4000);
	assert_int_equal(pci_bar_memory(function, 2, &memory, &bytes), STATUS_NOT_FOUND);
	assert_int_equal(pci_bar_memory(function, 6, &memory, &bytes), STATUS_NOT_FOUND);
	function->bar[0].address = 0;
	assert_int_equal(pci_bar_memory(function, 0, &memory, &bytes), STATUS_BAD_ADDRESS);
	function->bar[0].address = MEMORY_AT + 0x800;
	assert_int_equal(pci_bar_memory(function, 0, &memory, &bytes), STATUS_BAD_ADDRESS);
	function->bar[0].address = MEMORY_AT;
	function->bar[0].size = 0x800;
	assert_int_equal(pci_bar_memory(function, 0, &memory, &bytes), STATUS_BAD_ADDRESS);
	assert_int_equal(pci_bar_ports(function, 0, 16), 0);
	function->bar[4] = (struct pci_bar){.address = 0xc040, .size = 16, .kind = PCI_BAR_PORTS};
	assert_int_equal(pci_bar_ports(function, 4, 16), 0xc040);
	assert_int_equal(pci_bar_ports(function, 4, 17), 0);
	function->bar[4].address = 0xfff8;
	assert_int_equal(pci_bar_ports(function, 4, 16), 0);
}

static struct pci_msix_entry *entry(u32 number)
{
	return (struct pci_msix_entry *)(device_memory + 0x2000) + number;
}

/* One entry raises the irq; what the firmware left in the other entries is masked. */
static void test_msix(void **state)
{
	(void)state;
	entry(3)->address = 0x1000;
	set16(nvme, PCI_COMMAND, 0);
	assert_int_equal(pci_msix_entries(function), 65);
	assert_int_equal(pci_msix_set(function, 65, IOMMU_NOBODY, 9), STATUS_NOT_FOUND);
	assert_int_equal(pci_msix_set(function, 1, IOMMU_NOBODY, 8), STATUS_BAD_ARGUMENT);
	assert_int_equal(nvme->byte[0x43] & 0xc0, 0);
	assert_int_equal(pci_msix_set(function, 1, IOMMU_NOBODY, 9), STATUS_OK);
	assert_int_equal(entry(1)->address, 0xfee01000);
	assert_int_equal(entry(1)->address_high, 0);
	assert_int_equal(entry(1)->data, 0x74);
	assert_int_equal(entry(1)->control, 0);
	assert_int_equal(entry(3)->control, 1);
	assert_int_equal(entry(64)->control, 1);
	/* MSI-X is on, and not masked as a whole */
	assert_int_equal(nvme->byte[0x43] & 0xc0, 0x80);
	assert_int_equal(command_of(nvme), PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_OFF);
	assert_int_equal(pci_msix_set(function, 2, IOMMU_NOBODY, 9), STATUS_OK);
	assert_int_equal(entry(1)->control, 0); /* the mask stays */
	pci_messages_off(function);
	assert_int_equal(nvme->byte[0x43] & 0xc0, 0xc0); /* on, but masked as a whole */
	assert_int_equal(pci_msix_set(function, 2, IOMMU_NOBODY, 9), STATUS_OK);
	assert_int_equal(entry(1)->control, 1); /* an earlier user's entry is masked */
	assert_int_equal(entry(2)->control, 0);
	assert_int_equal(nvme->byte[0x43] & 0xc0, 0x80);
}

/* A table that is not in its BAR, or in none, is not written to. */
static void test_msix_outside(void **state)
{
	static const u32 places[] = {0x3c00, 0x4000, 0x2001, 0x2002, 0x2006, 0xfffffff8};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(places); i++) {
		set32(nvme, 0x44, places[i]);
		assert_int_equal(pci_msix_set(function, 0, IOMMU_NOBODY, 9), STATUS_BAD_FORMAT);
	}
}

static void test_msi(void **state)
{
	(void)state;
	set16(nvme, 0x52, PCI_MSI_64 | 0x30); /* the firmware enabled several */
	assert_int_equal(pci_msi_set(function, IOMMU_NOBODY, 8), STATUS_BAD_ARGUMENT);
	assert_int_equal(pci_msi_set(function, IOMMU_NOBODY, 9), STATUS_OK);
	assert_int_equal(nvme->word[0x54 / 4], 0xfee01000);
	assert_int_equal(nvme->word[0x58 / 4], 0);
	assert_int_equal(nvme->word[0x5c / 4] & 0xffff, 0x74);
	assert_int_equal(pci_read(nvme->address, 0x52, 2), PCI_MSI_64 | PCI_MSI_ENABLE);
	pci_messages_off(function);
	assert_int_equal(pci_read(nvme->address, 0x52, 2), PCI_MSI_64);
	set16(nvme, 0x52, 0);
	assert_int_equal(pci_msi_set(function, IOMMU_NOBODY, 9), STATUS_OK);
	assert_int_equal(nvme->word[0x58 / 4] & 0xffff, 0x74);
	function->capability_count = 0;
	assert_int_equal(pci_msi_set(function, IOMMU_NOBODY, 9), STATUS_NOT_FOUND);
	assert_int_equal(pci_msix_set(function, 0, IOMMU_NOBODY, 9), STATUS_NOT_FOUND);
}

/* Repeats the call at its deadlines; returns how long it took. */
static u64 quiet(enum status expected)
{
	const char *problem = NULL;
	u64 began = now_tsc;
	enum status status;

	while ((status = pci_quiet(function, &problem)) == STATUS_AGAIN) {
		assert_true(function->quiet_deadline_tsc <= now_tsc + 100 * NS_PER_MS);
		now_tsc = MAX(now_tsc, function->quiet_deadline_tsc);
		assert_true(now_tsc - began < 2 * NS_PER_S);
	}
	assert_int_equal(status, expected);
	assert_true((problem != NULL) == (expected != STATUS_OK));
	return now_tsc - began;
}

/* DMA and messages end before the reset; the BARs are there again after it. */
static void test_quiet(void **state)
{
	(void)state;
	assert_true(pci_can_reset(function));
	assert_int_equal(pci_msix_set(function, 1, IOMMU_NOBODY, 9), STATUS_OK);
	pci_enable(function);
	assert_true(quiet(STATUS_OK) >= 100 * NS_PER_MS);
	assert_int_equal(nvme->resets, 1);
	assert_int_equal(nvme->word[PCI_BAR / 4], MEMORY_AT | (u32)PCI_BAR_64);
	assert_int_equal(command_of(nvme), 0);
	assert_int_equal(nvme->byte[0x43] & 0xc0, 0xc0);
	assert_int_equal(quiet(STATUS_OK) > 0, 1); /* again: the next driver's end */
	assert_int_equal(nvme->resets, 2);
}

/* Requests on their way are waited for, not for ever. */
static void test_quiet_pending(void **state)
{
	(void)state;
	set16(nvme, 0x8a, PCI_EXPRESS_PENDING);
	assert_true(quiet(STATUS_OK) >= 200 * NS_PER_MS);
	assert_int_equal(nvme->resets, 1);
}

static void test_quiet_slow(void **state)
{
	const char *problem;

	(void)state;
	assert_int_equal(pci_quiet(function, &problem), STATUS_AGAIN);
	assert_int_equal(pci_quiet(function, &problem), STATUS_AGAIN);
	assert_int_equal(nvme->resets, 1);
	nvme->absent_reads = 20;
	assert_true(quiet(STATUS_OK) >= 150 * NS_PER_MS);
	assert_int_equal(nvme->word[PCI_BAR / 4], MEMORY_AT | (u32)PCI_BAR_64);
}

/*
 * An uncertain end is reported: the function is gone, its DMA stays on, or it does not come back.
 */
static void test_not_quiet(void **state)
{
	const char *problem;

	(void)state;
	set16(nvme, PCI_COMMAND, 0x6);
	nvme->writable[PCI_COMMAND / 4] = 0;
	quiet(STATUS_BAD_STATE);
	nvme->writable[PCI_COMMAND / 4] = 0x0407;
	nvme->absent_reads = 4;
	quiet(STATUS_BAD_STATE);
	nvme->absent_reads = 0;
	assert_int_equal(nvme->resets, 0);
	assert_int_equal(pci_quiet(function, &problem), STATUS_AGAIN);
	assert_int_equal(pci_quiet(function, &problem), STATUS_AGAIN);
	nvme->absent_reads = ~0u;
	assert_true(quiet(STATUS_BAD_STATE) >= NS_PER_S);
	nvme->absent_reads = 0;
}

/* A function without a reset of its own is at least without DMA. */
static void test_quiet_without_reset(void **state)
{
	(void)state;
	set32(nvme, 0x84, 0);
	assert_false(pci_can_reset(function));
	pci_enable(function);
	quiet(STATUS_OK);
	assert_int_equal(nvme->resets, 0);
	assert_int_equal(command_of(nvme), PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_OFF);
}

/* EHCI's semaphores are in configuration space: the system's is set, then SMIs are off. */
static void test_ehci(void **state)
{
	struct fake *usb = add_fake(place(0, 0, 7, 0), 0x0c0320);
	struct pci_function ehci;

	(void)state;
	set_bar(usb, 0, MEMORY_AT, 0xfffff000);
	set16(usb, PCI_COMMAND, PCI_COMMAND_MEMORY);
	*(u32 *)(device_memory + EHCI_HCCPARAMS) = 0x6880;
	set32(usb, 0x68, LEGACY_ID);
	set32(usb, 0x6c, 0x2000003f);
	usb->writable[0x68 / 4] = LEGACY_SYSTEM;
	usb->writable[0x6c / 4] = ~0u;
	assert_true(pci_function_read(usb->address, &ehci));
	assert_null(pci_usb_hand_off(&ehci));
	assert_int_equal(usb->word[0x68 / 4], LEGACY_ID | LEGACY_SYSTEM);
	assert_int_equal(usb->word[0x6c / 4], 0);
	set32(usb, 0x68, LEGACY_ID | LEGACY_FIRMWARE); /* the firmware keeps the controller */
	now_tsc = 0;
	reads = 0;
	assert_non_null(pci_usb_hand_off(&ehci));
	assert_true(now_tsc >= HAND_OFF_NS && now_tsc < 2 * HAND_OFF_NS);
}

/* xHCI's are in a list among its registers, which may lead anywhere. */
static void test_xhci(void **state)
{
	struct fake *usb = add_fake(place(0, 0, 7, 0), 0x0c0330);
	u32 *word = (u32 *)device_memory;
	struct pci_function xhci_function;

	(void)state;
	set_bar(usb, 0, MEMORY_AT, 0xffffc000);
	set16(usb, PCI_COMMAND, PCI_COMMAND_MEMORY);
	word[XHCI_HCCPARAMS1 / 4] = 0x100 << 16;
	word[0x100] = 0x0402;
	word[0x104] = LEGACY_ID;
	word[0x105] = XHCI_SMI_ENABLE | 0x00100000;
	assert_true(pci_function_read(usb->address, &xhci_function));
	assert_null(pci_usb_hand_off(&xhci_function));
	assert_int_equal(word[0x104], LEGACY_ID | LEGACY_SYSTEM);
	assert_int_equal(word[0x105], XHCI_SMI_EVENTS | 0x00100000);
	/* the next capability is its own successor, and none is the one looked for */
	word[0x104] = 0x0001;
	word[0x100] = 0xff02;
	for (u32 i = 0x100; i < 0x8000; i++)
		word[i] = i < 0x1000 ? 0xff02 : LEGACY_ID; /* the capability lies beyond the BAR */
	assert_null(pci_usb_hand_off(&xhci_function));
	for (u32 i = 0x1000; i < 0x8000; i++)
		assert_int_equal(word[i], LEGACY_ID);
	set16(usb, PCI_COMMAND, 0);
	word[0x100] = LEGACY_ID;
	assert_null(pci_usb_hand_off(&xhci_function));
	/* nobody uses the controller: nothing is asked for */
	assert_int_equal(word[0x100], LEGACY_ID);
}

static void test_ohci(void **state)
{
	struct fake *usb = add_fake(place(0, 0, 7, 0), 0x0c0310);
	u32 *word = (u32 *)device_memory;
	struct pci_function function_read;

	(void)state;
	set_bar(usb, 0, MEMORY_AT, 0xfffff000);
	set16(usb, PCI_COMMAND, PCI_COMMAND_MEMORY);
	assert_true(pci_function_read(usb->address, &function_read));
	assert_null(pci_usb_hand_off(&function_read));
	assert_int_equal(word[OHCI_COMMAND / 4], 0);
	word[OHCI_CONTROL / 4] = OHCI_SMI;
	assert_non_null(pci_usb_hand_off(&function_read));
	assert_int_equal(word[OHCI_COMMAND / 4], OHCI_CHANGE);
}

static void test_names(void **state)
{
	struct pci_function named = {.class = 1, .subclass = 8, .interface = 2};

	(void)state;
	assert_string_equal(pci_class_name(&named), "NVMe controller");
	named.interface = 7;
	assert_string_equal(pci_class_name(&named), "non-volatile memory controller");
	named.class = 0xee;
	assert_string_equal(pci_class_name(&named), "device of another class");
	assert_string_equal(pci_capability_name(&(struct pci_capability){0x40, 0x11}), "MSI-X");
	assert_string_equal(pci_capability_name(&(struct pci_capability){0x140, 0x10}), "SR-IOV");
	assert_null(pci_capability_name(&(struct pci_capability){0x40, 0x99}));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_start),      TEST(test_enable),    TEST(test_claim),
		TEST(test_bar),	       TEST(test_msix),	     TEST(test_msix_outside),
		TEST(test_msi),	       TEST(test_quiet),     TEST(test_quiet_pending),
		TEST(test_quiet_slow), TEST(test_not_quiet), TEST(test_quiet_without_reset),
		TEST(test_ehci),       TEST(test_xhci),	     TEST(test_ohci),
		TEST(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
