/* SPDX-License-Identifier: MIT */
/* How many pages a VM's disks need, where a volume's number is no disk's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vmm/manager/disk/disk_pages.c"

/* There is no section [disk]. */
struct disk_config *config_disk(u32 number)
{
	(void)number;
	return NULL;
}

bool vm_save_key_is_there(void)
{
	return false;
}

static bool wanted;

bool store_key_is_wanted(const struct vm_disk *disk)
{
	(void)disk;
	return wanted;
}

/* A volume needs pages for its key if it is encrypted. */
static void volumes_have_keys(void **state)
{
	struct vm_config config = {0};

	(void)state;
	config.disk[0] = (struct vm_disk){.number = 1, .flags = VM_DISK_VOLUME};
	wanted = false;
	assert_int_equal(disk_pages(&config), DISK_LINK_PAGES);
	wanted = true;
	assert_int_equal(disk_pages(&config), DISK_LINK_PAGES + DISK_KEY_PAGES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(volumes_have_keys)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
