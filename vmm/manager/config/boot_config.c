/* SPDX-License-Identifier: MIT */
/*
 * Keeps what Skerry was started with: the options of the kernel's command line and the
 * configuration. Filled by setup.c, read by commands, vm_act.c and vm_save_key.c; `config show`
 * updates the host's section.
 */
#include "vmm/manager/config/boot_config.h"

static struct options options;
static struct config config;
static const char *config_name = "";

struct options *boot_config_options(void)
{
	return &options;
}

struct config *boot_config(void)
{
	return &config;
}

const char *boot_config_name(void)
{
	return config_name;
}

void boot_config_name_set(const char *name)
{
	config_name = name;
}

void boot_config_destroyed(const char *name)
{
	struct vm_config *section = config_find(&config, name);

	if (section != NULL)
		section->destroyed = true;
}
