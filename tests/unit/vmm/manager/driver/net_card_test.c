/* SPDX-License-Identifier: MIT */
/* What the manager says of a card's link, with a driver that changes it without end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/string.h"
#include "tests/fake_clock.h"
#include "vmm/manager/driver/driver_say.c"
#include "vmm/manager/net/card.c"
#include "vmm/manager/text/parse_address.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/manager/text/text.h"
#include "vmm/rt/format.h"

static struct driver_channel channel;
static struct driver driver;
static u32 said;
static bool told_up; /* the switch was told that the link is up */

void log_message(enum log_level level, enum log_category category, const char *vm,
		 const char *pattern, ...)
{
	(void)level;
	(void)vm;
	(void)pattern;
	assert_int_equal(category, LOG_DEVICE);
	said++;
}

void driver_model(const struct driver *of, char *text, size_t size)
{
	(void)of;
	string_copy(text, size, "card");
}

void device_claim(struct process_build *build, struct pci_function *function, const char *name)
{
	(void)build;
	(void)function;
	(void)name;
}

void device_registers(struct process_build *build, const struct pci_function *function, u32 bar)
{
	(void)build;
	(void)function;
	(void)bar;
}

enum status device_quiet(u32 device, const char **problem)
{
	(void)device;
	(void)problem;
	return STATUS_OK;
}

u64 device_quiet_deadline(u32 device)
{
	(void)device;
	return 0;
}

void device_irq_any(struct process_build *build, struct pci_function *function, u32 device)
{
	(void)build;
	(void)function;
	(void)device;
}

void device_virtio_give(struct process_build *build, const struct pci_function *function)
{
	(void)build;
	(void)function;
}

void net_give_uplink(struct process_build *build, u32 device)
{
	(void)build;
	(void)device;
}

void net_card_changed(const struct driver *card)
{
	assert_ptr_equal(card, &driver);
	told_up = card->link_up;
}

void pci_enable(const struct pci_function *function)
{
	(void)function;
}

u32 pci_count(void)
{
	return 0;
}

struct pci_function *pci_get(u32 number)
{
	(void)number;
	return NULL;
}

static void set_link(bool up)
{
	channel.card.link_up = up;
	card_say_link(&driver);
	assert_int_equal(driver.link_up, up);
	assert_int_equal(told_up, up);
}

static void a_link_that_changes_without_end(void **state)
{
	(void)state;
	now = 1000 * NS_PER_S;
	driver.channel = &channel;
	card_ready(&driver);
	said = 0;
	set_link(true);
	set_link(true);
	set_link(false);
	assert_int_equal(said, 2);
	for (u32 i = 0; i < 1000; i++) {
		now += NS_PER_MS;
		set_link(i % 2 == 0);
	}
	assert_int_equal(said, DRIVER_SAY_LINES);
	now += DRIVER_SAY_NS;
	set_link(true);
	set_link(false);
	assert_int_equal(said, DRIVER_SAY_LINES + 2);
}

/* A driver ends: whatever its link was, nothing goes over it. */
static void a_driver_that_ends(void **state)
{
	(void)state;
	driver.channel = &channel;
	set_link(true);
	card_ended(&driver);
	assert_false(told_up);
	card_ready(&driver);
	assert_true(told_up);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_that_changes_without_end),
		cmocka_unit_test(a_driver_that_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
